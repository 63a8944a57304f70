// Calls the function that write_object compiled, and is called by it.
#include <stdio.h>

void squares(long* out, long count);

static long reported;
void report(long sum);
void report(long sum) { reported = sum; }

int main(void) {
  long out[5] = {0};
  squares(out, 5);
  for (int i = 0; i < 5; ++i) printf("%s%ld", i == 0 ? "" : " ", out[i]);
  printf(", sum %ld\n", reported);
  return 0;
}
