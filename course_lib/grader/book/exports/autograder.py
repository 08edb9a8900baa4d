"""The two scripts that Gradescope runs: one when it builds the image, one for each submission."""

SETUP = """\
#!/usr/bin/env bash
# Runs once, when the image is built: Python 3.11 or newer, then the course's own set-up.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
cd /autograder/source
apt-get update
apt-get install -y --no-install-recommends python3 python3-venv
python=python3
if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  apt-get install -y --no-install-recommends python3.11 python3.11-venv
  python=python3.11
fi
"$python" course/course.py setup
"""

RUN = """\
#!/usr/bin/env bash
# Runs for each submission: grades it with the course's own command. Without a results.json, which
# is what a failure leaves, Gradescope tells the instructor.
set -euo pipefail
home=${AUTOGRADER_HOME:-/autograder}
course=${COURSE_COMMAND:-$home/source/course/.venv/bin/course}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/submissions/student/submitted" "$home/results"
cp -RP "$home/submission/." "$work/submissions/student/submitted"
"$course" grade "$work/submissions" --out "$work/book" --chapters "CHAPTERS" --jobs 1
"$course" export "$work/book" --format gradescope --visibility VISIBILITY > "$work/results.json"
cp "$work/results.json" "$home/results/results.json"
"""
