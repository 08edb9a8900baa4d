"""Who writes alike: pairs of students whose answers are worth a look."""
