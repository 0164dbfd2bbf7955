"""The county's service: who is told of an alert, the pages, the CDC's numbers, and every command.

Open `cli.py` for the commands, `app.py` for the pages and programs' doors, `worker.py` for what is
done without being asked. `care/` says who answers for whom, `alerts/` what becomes of an alert,
`notify/` how people are reached, `surveillance/` what a county notices, `doors/` and `security/`
who may see what, `store/` how it is kept; `lab/` is the demo, the simulator's orders and benches.
"""
