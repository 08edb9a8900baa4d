"""Answer keys, answer sheets and verdicts. Knows files and tensors, and no chapter.

Five wings, each importing only those before it: `judging` (is this outcome right?), `running`
(what does this answer do, sealed?), `course` (a course on disk), `book` (a class and its
gradebook), `similar` (who writes alike).
"""
