"""Which associations are accepted, with which presentation contexts (PS3.7 D.3, PS3.8 7.1)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pynetdicom import evt
from pynetdicom.acse import ACSE
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import A_ASSOCIATE, SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import PresentationContext

from dicomweb_server.dimse.verb import Offer, Offers

_MOST_CONTEXTS = 128
"""Odd numbers from 1 to 255 (PS3.8 7.1.1.13)."""

_ACCEPTED = 0x00
_NO_ABSTRACT_SYNTAX = 0x03
_NO_TRANSFER_SYNTAX = 0x04

_log = logging.getLogger(__name__)

Role = tuple[bool, bool]
"""Whether the peer takes the role of a user, and that of a provider."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why an association is not accepted (PS3.8 9.3.4).

    Args:
        result: 1 for good, 2 for now.
        source: 1 the user of the service, 2 and 3 its provider.
        reason: The code that belongs to the source.
        told: For the log.
    """

    result: int
    source: int
    reason: int
    told: str


TOO_MANY_CONTEXTS = Rejection(1, 1, 1, "more presentation contexts than there can be")

Judge = Callable[[A_ASSOCIATE], Offers | Rejection]
"""Looks at a request: what is offered to this peer, or why it is rejected."""


class Acceptance(ACSE):
    """Answers one association request.

    Args:
        assoc: The association.
        judge: Decides.
    """

    def __init__(self, assoc: Association, judge: Judge) -> None:
        super().__init__(assoc)
        self._judge = judge

    def _negotiate_as_acceptor(self) -> None:
        request = self.requestor.primitive
        if request is None:
            return
        self.requestor.ae_title = request.calling_ae_title
        verdict = self._judge(request)
        contexts = request.presentation_context_definition_list
        if not isinstance(verdict, Rejection) and not _are_possible(contexts):
            verdict = TOO_MANY_CONTEXTS
        if isinstance(verdict, Rejection):
            _log.warning("an association was rejected", extra={"reason": verdict.told})
            self.send_reject(verdict.result, verdict.source, verdict.reason)
            evt.trigger(self.assoc, evt.EVT_REJECTED, {})
            self.assoc.kill()
            return
        self._accept(contexts, verdict)

    def _accept(self, contexts: Sequence[PresentationContext], offers: Offers) -> None:
        wanted = {
            str(uid): (bool(item.scu_role), bool(item.scp_role))
            for uid, item in self.requestor.role_selection.items()
        }
        results, roles = negotiate(contexts, offers, wanted)
        for extended in self._check_sop_class_extended():
            self.acceptor.add_negotiation_item(extended)
        for uid, (scu, scp) in roles.items():
            item = SCP_SCU_RoleSelectionNegotiation()
            item.sop_class_uid = uid
            item.scu_role, item.scp_role = scu, scp
            self.acceptor.add_negotiation_item(item)
        accepted = [each for each in results if each.result == _ACCEPTED]
        self.assoc._accepted_cx = {each.context_id or 0: each for each in accepted}
        self.assoc._rejected_cx = [each for each in results if each.result != _ACCEPTED]
        self.send_accept()
        evt.trigger(self.assoc, evt.EVT_ACCEPTED, {})
        self.assoc.is_established = True
        evt.trigger(self.assoc, evt.EVT_ESTABLISHED, {})


def _are_possible(contexts: Sequence[PresentationContext]) -> bool:
    numbers = {each.context_id for each in contexts}
    return len(numbers) == len(contexts) <= _MOST_CONTEXTS


def negotiate(
    contexts: Iterable[PresentationContext], offers: Offers, wanted: dict[str, Role]
) -> tuple[list[PresentationContext], dict[str, Role]]:
    """Answer each proposed context, and each proposed role of an accepted one.

    Args:
        contexts: What the peer proposes.
        offers: What it is offered.
        wanted: Roles that it proposes for itself, by abstract syntax.
    """
    results = []
    roles: dict[str, Role] = {}
    for proposed in contexts:
        uid = str(proposed.abstract_syntax or "")
        offer = offers.get(uid)
        answer = _answer(proposed, offer)
        results.append(answer)
        if answer.result != _ACCEPTED or offer is None:
            continue
        answer._as_scp, answer._as_scu = True, False
        if uid in wanted:
            scu, scp = wanted[uid][0], wanted[uid][1] and offer.scu
            roles[uid] = (scu, scp)
            answer._as_scp, answer._as_scu = scu, scp
    return results, roles


def _answer(proposed: PresentationContext, offer: Offer | None) -> PresentationContext:
    answer = PresentationContext()
    answer.context_id = proposed.context_id
    answer.abstract_syntax = proposed.abstract_syntax
    syntaxes = proposed.transfer_syntax
    answer.transfer_syntax = [*syntaxes[:1]]
    if offer is None:
        answer.result = _NO_ABSTRACT_SYNTAX
        return answer
    listed = [str(syntax) for syntax in syntaxes]
    order, other = (listed, offer.transfer_syntaxes)
    if not offer.theirs:
        order, other = list(offer.transfer_syntaxes), tuple(listed)
    chosen = next((syntax for syntax in order if syntax in other), None)
    answer.result = _NO_TRANSFER_SYNTAX if chosen is None else _ACCEPTED
    if chosen is not None:
        answer.transfer_syntax = [chosen]
    return answer
