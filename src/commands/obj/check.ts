// etmem obj check -f FILE | FILE [--strict] [--no-file-checks]
import { Option } from "clipanion";
import { ConfigError, UsageError } from "../../errors.ts";
import type { CommandModule } from "../command.ts";
import type { OptionRow } from "../getopt.ts";
import { EtmemCommand, flag, optionalText } from "../option.ts";

const FILE: OptionRow = {
  long: "file", short: "f", value: "FILE", ours: true, doc: "Configuration file to check, or a directory of them; the word FILE means the same.",
};
const STRICT: OptionRow = { long: "strict", ours: true, doc: "Takes unknown and doubled keys for errors." };
const NO_FILE_CHECKS: OptionRow = { long: "no-file-checks", ours: true, doc: "Leaves owner, mode and size of the file aside." };

class ObjCheck extends EtmemCommand {
  static override paths = [["obj", "check"]];
  word = Option.String({ required: false });
  file = optionalText(FILE);
  strict = flag(STRICT);
  noFileChecks = flag(NO_FILE_CHECKS);

  override async execute(): Promise<void> {
    const [{ checkConfig }, { readNodes }] = await Promise.all([import("../../daemon/check.ts"), import("../../memory/nodes.ts")]);
    const options = { strict: this.strict, noFileChecks: this.noFileChecks, machine: () => readNodes() };
    const { problems, warnings } = await checkConfig(this.#path(), options);
    for (const warning of warnings) this.around.stderr(`${warning} (warning)\n`);
    if (problems.length > 0) throw new ConfigError(problems);
  }

  #path(): string {
    if (this.word !== undefined && this.file !== undefined) throw new UsageError("one file or directory is checked at a time, give FILE or -f FILE");
    const path = this.word ?? this.file ?? "";
    if (path === "") throw new UsageError("a file is missing: etmem obj check FILE");
    return path;
  }
}

export const objCheck: CommandModule = {
  options: [FILE, STRICT, NO_FILE_CHECKS],
  words: [{ name: "FILE", doc: "Configuration file to check, or a directory of them as --conf-dir reads it." }],
  command: ObjCheck,
};
