#!/bin/sh
# The verbs from end to end, as somebody with nothing but a shell uses them: ./cli_tour.sh FOLDER
#
# FOLDER is a new, empty one; data.csv and grid.yaml are made in it by the test. What programs would read is left there
# as .json files. Ends at the first command that fails; the last line is printed where all went as it should.
set -eu
cd "$1"
PYTHON=${PYTHON:-python3}
field() { "$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)[int(sys.argv[1])][sys.argv[2]])' "$@"; }
tree() { (cd "$1" && find . -type f -exec sha256sum {} + | sort -k 2); }

# make, train, find
runshelf init first
runshelf init second
export RUNSHELF_WORKSPACE="$PWD/first"
runshelf run data.csv --target protein --id sample_id --split-column split --pipelines grid.yaml --run-name tour \
    --no-charts --format json >run.json
runshelf runs list --format json >runs.json
run=$(field 0 run_id <runs.json)
runshelf runs show "$run" --format json >pipelines.json
runshelf catalog best val_rmse -n 1 --format json >best.json
best=$(field 0 pipeline_id <best.json)
runshelf catalog annotate "pipeline_id = '$best'" --tag final --stars 5
runshelf catalog search "tags has 'final'" --format json >tagged.json
runshelf catalog summary --by alpha --metric val_rmse --format csv >summary.csv

# keep, take elsewhere, run again there
runshelf library save pipeline best --run "$run" --pipeline "$best" --description "The best of the tour" --tag plant
runshelf library save template again --run "$run" --pipeline "$best"
runshelf library export pipeline best best.zip
runshelf -w second library import best.zip
runshelf -w second library list --format json >second.json
runshelf -w second library load pipeline best >loaded.txt
runshelf library load template again --to again.json
runshelf -w second run data.csv --target protein --split-column split --pipelines again.json --no-charts --format json >again_run.json

# take away, report, archive
mkdir away
runshelf export pipeline "$run" "$best" --to away --name tour
runshelf export best val_rmse -n 2 --to away
runshelf report run "$run" --to away --format html
runshelf archive add pipeline --best val_rmse --yes
runshelf archive list --format json >archives.json
runshelf thin --keep 1 --metric val_rmse --dry-run >thin.txt

# delete and bring back: the same bytes
tree first/runs >before.txt
runshelf runs delete "$run" --dry-run
runshelf runs delete "$run" --yes
runshelf trash list --format json >trash.json
runshelf runs list --format json >none.json
runshelf runs restore "$run" --dry-run
runshelf runs restore "$run"
tree first/runs >after.txt
cmp before.txt after.txt
runshelf catalog list --format json >catalog.json
runshelf check --deep --format json >check.json

# what can't be done is a sentence and an exit code, never a traceback
for wrong in "catalog search nothing_like_it<1" "runs delete 2000-01-01_none --yes" "library load template none"; do
    code=0
    runshelf $wrong >/dev/null 2>wrong.txt || code=$?
    test "$code" -eq 1 -o "$code" -eq 2
    grep -q "^Error: " wrong.txt
    ! grep -q "Traceback" wrong.txt
done
echo "The tour is over: $run, $best."
