// Hidden: plugin-host FILE NAME: a child of the daemon that runs a library or policy of others. It starts itself once more when it is confined.
import { EXIT } from "../errors.ts";
import { kernelFolders } from "../memory/kernel-folders.ts";
import { confine, startAnew } from "../plugin/confine.ts";
import { runHost, sayFailure } from "../plugin/host.ts";
import { kindOf, openLibraryFile } from "../plugin/library-file.ts";
import type { PlainModule } from "./command.ts";

const CONFINED = "--confined";

export const pluginHost: PlainModule = {
  options: [],
  run: async (argv, around) => {
    const root = kernelFolders({});
    const [first = "", second = "", fd, group = "", name = ""] = argv;
    if (first === CONFINED) {
      await runHost({ fd: Number(fd), kind: kindOf(second), path: second, name, group: group || null }, root);
      return EXIT.ok;
    }
    try {
      const file = openLibraryFile(first), words = [CONFINED, first, String(file.fd), confine(file, root) ?? "", second];
      startAnew(around.self, ["plugin-host", ...words]);
    } catch (error) {
      sayFailure(error as Error);
    }
    return EXIT.failed;
  },
};
