"""What a platform gives out of a class's work, sorted into one folder for each student.

members (what is in an archive) → naming (whose it is, in the platform's words) → placing (whose
folder) → versions (earlier work stands aside) → writing (folders, times, a record).
"""
