"""Judges DICOMweb servers from outside, requirement by requirement (PS3.18)."""
