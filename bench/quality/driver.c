// Calls one kernel once and prints the nanoseconds of CPU time it took and a checksum of its result and of the memory it leaves
// behind: DRIVER N. The kernel is named by -DKERNEL=NAME and linked with this file.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "kernel.h"

uint64_t KERNEL(uint8_t *memory, uint64_t n);

static _Alignas(4096) uint8_t area[4096 + kMemorySize];

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  uint8_t *memory = area + 4096;
  *((struct heap *)memory - 1) = (struct heap){memory, kMemorySize};
  uint64_t *words = (uint64_t *)memory;
  uint64_t state = 1;
  for (size_t i = 0; i < kMemorySize / 8; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    words[i] = (state ^ state >> 29) * 0x9e3779b97f4a7c15u;
  }

  struct timespec start, end;
  uint64_t n = strtoull(argv[1], NULL, 10);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
  uint64_t checksum = KERNEL(memory, n);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);

  for (size_t i = 0; i < kMemorySize / 8; ++i) checksum = (checksum ^ words[i]) * 0x100000001b3u;
  long long nanoseconds = (end.tv_sec - start.tv_sec) * 1000000000ll + (end.tv_nsec - start.tv_nsec);
  printf("%lld %016llx\n", nanoseconds, (unsigned long long)checksum);
  return 0;
}
