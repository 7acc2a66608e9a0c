# Posts bodies and prints what came of each: early-answers.sh (url size times type authorization)…
while [ $# -gt 0 ]; do
  for _ in $(seq "$3"); do
    head -c "$2" /dev/zero | curl -sS -o /dev/null -w '%{http_code}\n' -H "content-type: $4" ${5:+-H "authorization: $5"} -H 'expect:' --data-binary @- "$1" 2>&1
  done
  shift 5
done
