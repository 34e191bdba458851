// A kdamond goes on when the daemon is killed. A shell that waits for the end of a pipe from us switches off what we had on: no file, no timer, and
// it costs nothing until then. Should it be killed too, the next daemon that takes the slot does it.

/** $1: the mark by which our slots are known. The last line on stdin names the slots that are on. */
const SCRIPT = `trap '' HUP INT TERM
slots=
while read -r line; do slots=$line; done
for slot in $slots; do
  for attempt in 1 2 3 4 5 6 7 8 9 10; do
    read -r mark <"$slot/contexts/0/monitoring_attrs/intervals/update_us" && [ "$mark" = "$1" ] || break
    read -r state <"$slot/state" && [ "$state" = on ] || break
    echo off >"$slot/state" && break
    sleep 1
  done
done 2>/dev/null`;

/** Where sh and sleep are, whatever the daemon's PATH. */
const SYSTEM_PATH = "/usr/bin:/bin";

export class DamonGuard {
  private readonly mark: number;
  private shell: Shell;

  constructor(mark: number) {
    this.mark = mark;
    this.shell = startShell(mark);
  }

  /** From now on these are ours: nothing else will be switched off. */
  watch(slots: readonly string[]): void {
    if (this.shell.exitCode !== null || this.shell.signalCode !== null) this.shell = startShell(this.mark);
    this.tell(slots);
  }

  close(): void {
    this.tell([]);
    void Promise.resolve(this.shell.stdin.end()).catch(ignoreDeath);
  }

  private tell(slots: readonly string[]): void {
    const { stdin } = this.shell;
    void Promise.resolve(stdin.write(`${slots.join(" ")}\n`)).catch(ignoreDeath);
    void Promise.resolve(stdin.flush()).catch(ignoreDeath);
  }
}

type Shell = Bun.Subprocess<"pipe", "ignore", "ignore">;

function startShell(mark: number): Shell {
  const shell = Bun.spawn(["/bin/sh", "-c", SCRIPT, "etmem-damon-guard", String(mark)], {
    env: { PATH: SYSTEM_PATH }, cwd: "/", stdin: "pipe", stdout: "ignore", stderr: "ignore",
  });
  shell.unref();
  return shell;
}

/** EPIPE: somebody has killed the shell. The next `watch` starts another. */
function ignoreDeath(): void {}
