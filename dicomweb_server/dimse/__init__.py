"""The DICOM network door: DIMSE services of PS3.4 and PS3.7 over associations of PS3.8."""
