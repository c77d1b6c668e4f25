"""What every check gets: the server, the data that it holds now, and short ways to ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from conformance import multipart
from conformance.answer import Answer, Dataset
from conformance.client import Client
from conformance.model import Failed, NotOffered
from conformance.synthetic.corpus import SEARCHED, Corpus
from conformance.synthetic.instance import Instance

JSON = "application/dicom+json"
MULTIPART_DICOM = 'multipart/related; type="application/dicom"'
ANY_DICOM = f"{MULTIPART_DICOM}; transfer-syntax=*"
MULTIPART_OCTETS = 'multipart/related; type="application/octet-stream"'
ANY_OCTETS = f"{MULTIPART_OCTETS}; transfer-syntax=*"
MULTIPART_XML = 'multipart/related; type="application/dicom+xml"'


class World:
    """A server with the corpus of a run stored in it.

    Args:
        client: The server.
        corpus: What is stored.
    """

    def __init__(self, client: Client, corpus: Corpus) -> None:
        self.client = client
        self.corpus = corpus
        self.stored: dict[str, Answer] = {}
        self.refused: dict[str, str] = {}
        self.studies: list[str] = list(corpus.studies)

    def populate(self) -> None:
        """Store the corpus, one instance per request, and remember what was refused."""
        for instance in self.corpus:
            try:
                answer = self.store([instance.file()])
            except Failed as failure:
                self.refused[instance.name] = str(failure)
                continue
            self.stored[instance.name] = answer
            if answer.status not in (200, 202) or failures(answer):
                self.refused[instance.name] = answer.describe()

    def clean(self) -> list[str]:
        """Delete the studies of the run; those that could not be."""
        return [study for study in self.studies if not self._removed(study)]

    def _removed(self, study: str) -> bool:
        try:
            if self.client.request("DELETE", f"/studies/{study}").succeeded:
                return True
            found = self.search("/studies", f"StudyInstanceUID={study}").datasets()
        except Failed:
            return False
        return study not in [first(dataset, "0020000D") for dataset in found]

    def instance(self, name: str) -> Instance:
        """An instance of the corpus that the server took.

        Raises:
            NotOffered: The server refused to store it.
        """
        if name in self.refused:
            raise NotOffered(f"the server did not store {name}: {self.refused[name]}")
        return self.corpus[name]

    def get(
        self,
        path: str,
        accept: str | None = "*/*",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """GET a path below the root."""
        return self.client.request("GET", path, accept=accept, headers=headers)

    def metadata(self, path: str) -> Answer:
        """Metadata as DICOM JSON, which must come."""
        return self.get(f"{path}/metadata", JSON).ok()

    def described(self, name: str) -> tuple[Answer, Dataset]:
        """The metadata of one instance."""
        answer = self.metadata(self.instance(name).path)
        return answer, answer.dataset()

    def search(self, path: str, query: str = "") -> Answer:
        """A search for DICOM JSON, which must succeed.

        Args:
            path: Resource below the root.
            query: Behind the question mark, encoded.
        """
        return self.get(f"{path}?{query}" if query else path, JSON).status_in(200, 204)

    def narrowed(self, query: str = "", path: str = "/studies") -> Answer:
        """A search among the studies that share the run's accession number."""
        narrow = f"AccessionNumber={self.corpus.run}"
        return self.search(path, f"{narrow}&{query}" if query else narrow)

    def names(self, answer: Answer, attribute: str = "study") -> set[str]:
        """The names of the run's studies, series or instances in an answer."""
        return set(self.ordered_names(answer, attribute))

    def ordered_names(self, answer: Answer, attribute: str = "study") -> list[str]:
        """The same in the order of the answer; others are left out."""
        tag = {"study": "0020000D", "series": "0020000E", "uid": "00080018"}[attribute]
        known = self.corpus.names_by(attribute)
        found = (first(dataset, tag) for dataset in answer.datasets())
        return [known[uid] for uid in found if isinstance(uid, str) and uid in known]

    def finds(self, query: str, expected: Iterable[str]) -> Answer:
        """Go on only if a search among the run's studies finds the expected ones."""
        for name in SEARCHED:
            self.instance(name)
        answer = self.narrowed(query)
        return answer.equal(sorted(self.names(answer)), sorted(expected), "studies")

    def row(
        self, query: str, name: str, path: str = "/studies", attribute: str = "study"
    ) -> tuple[Answer, Dataset]:
        """The result of a search that belongs to an instance of the corpus."""
        uid = getattr(self.instance(name), attribute)
        tag = {"study": "0020000D", "series": "0020000E", "uid": "00080018"}[attribute]
        answer = self.search(path, query)
        for dataset in answer.datasets():
            if first(dataset, tag) == uid:
                return answer, dataset
        raise Failed(f"asked {answer.asked}; answered without {name}; expected it")

    def store(
        self,
        files: Sequence[bytes],
        path: str = "/studies",
        accept: str | None = JSON,
    ) -> Answer:
        """Store Part 10 files in one request."""
        parts = [({"Content-Type": "application/dicom"}, data) for data in files]
        return self.post(parts, '"application/dicom"', path, accept)

    def post(
        self,
        parts: Sequence[tuple[Mapping[str, str], bytes]],
        kind: str,
        path: str = "/studies",
        accept: str | None = JSON,
    ) -> Answer:
        """POST a multipart/related body.

        Args:
            parts: Headers and bytes of each.
            kind: The `type` parameter as it is to be written, quoted or not.
            path: Resource below the root.
            accept: The Accept header.
        """
        boundary = multipart.new_boundary()
        content_type = f"multipart/related; type={kind}; boundary={boundary}"
        return self.client.request(
            "POST",
            path,
            accept=accept,
            headers={"Content-Type": content_type},
            content=multipart.build(parts, boundary),
        )


def values(dataset: Dataset, tag: str) -> list[object]:
    """The values of an attribute in DICOM JSON; none where it is absent or empty."""
    found = dataset.get(tag, {}).get("Value", [])
    return found if isinstance(found, list) else []


def first(dataset: Dataset, tag: str) -> object:
    """The first value of an attribute; None where there is none."""
    found = values(dataset, tag)
    return found[0] if found else None


def items(dataset: Dataset, tag: str) -> list[Dataset]:
    """The items of a sequence."""
    return [item for item in values(dataset, tag) if isinstance(item, dict)]


def response_of(answer: Answer) -> Dataset:
    """The store response module, as an object or in an array of one (J1)."""
    found = answer.json()
    if isinstance(found, list):
        found = found[0] if found else {}
    answer.must(isinstance(found, dict), "the Store Instances Response Module (Annex I)")
    return found if isinstance(found, dict) else {}


def failures(answer: Answer) -> list[int]:
    """Failure reasons that a store response names."""
    if not answer.body or "json" not in answer.media_type:
        return []
    response = response_of(answer)
    found = items(response, "00081198") + items(response, "0008119A")
    reasons = [first(item, "00081197") for item in found]
    return [reason if isinstance(reason, int) else 0 for reason in reasons]
