# Serves /www. MODE makes it have a bad day.
echo "starting in mode ${MODE:-well}"
case "${MODE:-well}" in
  exits) echo "FATAL: cannot open /etc/app/settings.toml" >&2; exit 3 ;;
  exits-late) httpd -p 8080 -h /www; sleep 0.4; echo "FATAL: lost the queue" >&2; exit 4 ;;
  sick) rm /www/up ;;
  greedy) exec dd if=/dev/zero of=/dev/null bs=200M count=1 ;;
  deaf) trap '' TERM; httpd -p 8080 -h /www; while :; do sleep 1; done ;;
  talks) env ;;
esac
exec httpd -f -p 8080 -h /www
