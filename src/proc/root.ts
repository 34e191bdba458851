// The only file that knows where the kernel's files are.

/** Where /proc and /sys are mounted; a test or a container puts them elsewhere. */
export interface Root {
  readonly proc: string;
  readonly sys: string;
}

export const kernelRoot: Root = { proc: "/proc", sys: "/sys" };
