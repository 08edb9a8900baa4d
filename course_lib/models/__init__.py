"""Whole models, assembled from `course_lib.nn`."""
