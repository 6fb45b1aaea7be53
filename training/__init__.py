"""Training, calibration and evaluation of the detector. Never imported by the service."""
