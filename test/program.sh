#!/bin/bash
# Compiles a program of the test folder together with what it imports and runs it with node:
#   test/program.sh oracle/main.ts --cases 2000 --seed 7
set -euo pipefail
cd "$(dirname "$0")/.."
program=$1; shift
[ -e node_modules/.bin/tsc ] || bash .ci/setup test
npx --no-install tsc -p test/tsconfig.programs.json
exec node ".programs/test/${program%.ts}.js" "$@"
