#!/bin/sh
# differential.sh build-folder count [seed [family]]: starts tarn-server and redis-server on free ports and lets
# tests/differential/differ compare them, for each protocol version. TARN_SERVER and TARN_ORACLE name other programs.
set -u
cd "$(dirname "$0")/.." || exit 2
out=$1 count=$2 seed=${3:-$(date +%s)} family=${4:-}
exec "$out/tests/differential/differ" -tarn "${TARN_SERVER:-$out/tarn-server}" -oracle "${TARN_ORACLE:-$(sh scripts/oracle.sh "$out")}" \
    -count "$count" -seed "$seed" -known tests/differential/differences.txt \
    ${family:+-family "$family"}
