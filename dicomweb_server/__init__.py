"""dicomweb_server: an open DICOMweb archive."""

__version__ = "0.1.0"
