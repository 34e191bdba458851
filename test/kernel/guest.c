// guest MIB: a process that is a virtual machine of KVM, whose one processor writes to every page of its memory again and again and never leaves the
// guest. Prints where the memory is as a line of JSON; killed, it ends.
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

// In real mode, with segments that reach over all memory; the operand of cmp is the memory's end.
static unsigned char program[] = {
    0x66, 0xbf, 0x00, 0x10, 0x00, 0x00,       // again: mov $0x1000, %edi
    0x67, 0x66, 0xff, 0x07,                   // next:  incl (%edi)
    0x66, 0x81, 0xc7, 0x00, 0x10, 0x00, 0x00, //        add $0x1000, %edi
    0x66, 0x81, 0xff, 0, 0, 0, 0,             //        cmp $end, %edi
    0x72, 0xec,                               //        jb next
    0xeb, 0xe4,                               //        jmp again
};

static int must(int result, const char *what) {
  if (result < 0) {
    perror(what);
    exit(1);
  }
  return result;
}

int main(int argc, char **argv) {
  unsigned bytes = (argc > 1 ? atoi(argv[1]) : 16) << 20;
  int kvm = must(open("/dev/kvm", O_RDWR), "/dev/kvm"), vm = must(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
  unsigned char *memory = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  madvise(memory, bytes, MADV_NOHUGEPAGE);
  memset(memory, 1, bytes);
  memcpy(program + 20, &bytes, sizeof bytes);
  memcpy(memory, program, sizeof program);
  struct kvm_userspace_memory_region region = {.memory_size = bytes, .userspace_addr = (unsigned long)memory};
  must(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
  int cpu = must(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
  struct kvm_run *run = mmap(0, ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
  struct kvm_sregs segments;
  must(ioctl(cpu, KVM_GET_SREGS, &segments), "KVM_GET_SREGS");
  segments.cs.base = segments.cs.selector = 0;
  segments.cs.limit = segments.ds.limit = 0xffffffff;
  segments.cs.g = segments.ds.g = 1;
  must(ioctl(cpu, KVM_SET_SREGS, &segments), "KVM_SET_SREGS");
  struct kvm_regs registers = {.rip = 0, .rflags = 2};
  must(ioctl(cpu, KVM_SET_REGS, &registers), "KVM_SET_REGS");
  printf("{\"pid\":%d,\"start\":%lu,\"bytes\":%u}\n", getpid(), (unsigned long)memory, bytes);
  fflush(stdout);
  must(ioctl(cpu, KVM_RUN, 0), "KVM_RUN");
  fprintf(stderr, "the guest stopped with reason %u\n", run->exit_reason);
  return 1;
}
