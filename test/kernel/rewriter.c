// rewriter MIB [huge | FILE]: a process that writes to every page of its memory again and again and has next to nothing else, so that its major
// faults are what it has lost. "huge": in huge pages. FILE: by reading that into it past the page cache, without ever touching it itself.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PIECE (2UL << 20)

int main(int argc, char **argv) {
  unsigned long bytes = (argc > 1 ? strtoul(argv[1], 0, 10) : 64) << 20;
  int huge = argc > 2 && strcmp(argv[2], "huge") == 0, file = argc > 2 && !huge ? open(argv[2], O_RDONLY | O_DIRECT) : -1;
  char *mapped = mmap(0, bytes + PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *memory = (char *)(((unsigned long)mapped + PIECE - 1) & ~(PIECE - 1));
  if (madvise(memory, bytes, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE) != 0) perror("madvise");
  memset(memory, 1, bytes);
  printf("{\"pid\":%d,\"start\":%lu,\"bytes\":%lu}\n", getpid(), (unsigned long)memory, bytes);
  fflush(stdout);
  for (unsigned count = 0;; count++) {
    for (unsigned long at = 0; at < bytes; at += PIECE) {
      if (file >= 0) {
        if (pread(file, memory + at, PIECE, 0) != (long)PIECE) {
          perror("pread");
          return 1;
        }
      } else {
        for (unsigned long page = 0; page < PIECE; page += 4096) *(volatile unsigned *)(memory + at + page) = count;
      }
    }
  }
}
