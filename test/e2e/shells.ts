// The real shells, asked what they would offer at the end of a line when the key for completion is pressed.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { executable } from "./harness.ts";

const completions = join(import.meta.dir, "../../completions");

/** What stands before the cursor, and the folder it is typed in. */
export interface TypedLine {
  readonly line: string;
  readonly cwd: string;
}

/** What each shell offers, sorted. */
export const shells: Readonly<Record<string, (typed: TypedLine) => Promise<string[]>>> = { bash, zsh, fish };

// Bash's own splitting: at blanks, and around "=" and ":" (COMP_WORDBREAKS).
const BASH = `
. "$SCRIPT"
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*"
function=$(complete -p "$1" | sed 's/.*-F \\([^ ]*\\).*/\\1/')
$function "$1" "\${COMP_WORDS[COMP_CWORD]}" "\${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "\${COMPREPLY[@]}"
`;

async function bash({ line, cwd }: TypedLine): Promise<string[]> {
  const words = line.split(" ").flatMap((word) => (word === "" ? [""] : (word.match(/[=:]+|[^=:]+/g) ?? [])));
  return sorted(await run(["bash", "--norc", "-c", BASH, "bash", ...words], cwd, { SCRIPT: join(completions, "etmem.bash") }));
}

// Every match passes through compadd, whatever is shown of it.
const ZSH_SETUP = `
PS1= PS2=; unsetopt zle_bracketed_paste; setopt no_beep; bindkey -e; bindkey '^I' complete-word
fpath=($FUNCTIONS $fpath); autoload -Uz compinit; compinit -u -D
compadd() {
  if [[ "\${@[1,(i)(-|--)]}" == *-(O|A|D)\\ * ]]; then builtin compadd "$@"; return; fi
  local -a hits; builtin compadd -A hits "$@"; (( $#hits )) && print -rl -- $hits >>$OFFERED
  builtin compadd "$@"
}
finished() { print END >>$OFFERED }
comppostfuncs=(finished)
print READY >>$OFFERED
`;
const ZSH = `
zmodload zsh/zpty
zpty -b shell zsh -f -i
awaits() {
  local read try
  for (( try = 0; try < 500; try++ )); do
    while zpty -r -t shell read; do :; done
    grep -qx $1 $OFFERED && return
    sleep 0.02
  done
}
zpty -w shell 'source $SETUP'; awaits READY
zpty -w -n shell "$1"$'\\t'; awaits END
zpty -d shell
`;

async function zsh({ line, cwd }: TypedLine): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), "etmem-zsh-"));
  try {
    const setup = join(folder, "setup"), offered = join(folder, "offered");
    writeFileSync(setup, ZSH_SETUP);
    writeFileSync(offered, "");
    await run(["zsh", "-f", "-c", ZSH, "zsh", line], cwd, { SETUP: setup, OFFERED: offered, FUNCTIONS: completions, TERM: "dumb" });
    const text = await Bun.file(offered).text();
    if (!text.endsWith("END\n")) throw new Error(`zsh did not complete "${line}": ${text}`);
    return sorted(text.replace(/^READY\n/, "").replace(/END\n$/, ""));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function fish({ line, cwd }: TypedLine): Promise<string[]> {
  const home = mkdtempSync(join(tmpdir(), "etmem-fish-"));
  try {
    const ask = 'source "$SCRIPT"; complete -C "$LINE"';
    return sorted(await run(["fish", "--no-config", "-c", ask], cwd, { SCRIPT: join(completions, "etmem.fish"), LINE: line, HOME: home }));
  } finally {
    rmSync(home, { recursive: true });
  }
}

async function run(command: string[], cwd: string, env: Record<string, string>): Promise<string> {
  const child = Bun.spawn(command, {
    cwd, env: { PATH: `${dirname(executable())}:${process.env["PATH"]}`, ...env }, stdin: "ignore", stdout: "pipe", stderr: "pipe",
  });
  const [stdout, stderr, status] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (status !== 0 || stderr !== "") throw new Error(`${command[0]}: exit ${status}: ${stderr}`);
  return stdout;
}

/** Without the descriptions behind a tab. */
function sorted(text: string): string[] {
  return [...new Set(text.split("\n").map((line) => line.split("\t")[0] ?? "").filter((word) => word !== ""))].sort();
}
