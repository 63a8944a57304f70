#include "../kernel.h"

uint64_t interpreter(uint8_t *code, uint64_t n) {
  uint64_t *locals = (uint64_t *)(code + 4096), *bottom = (uint64_t *)(code + 8192);
  ((uint64_t *)code)[0] = 144120699039056133u;
  ((uint64_t *)code)[1] = 290483279772320006u;
  ((uint64_t *)code)[2] = 458758u;
  locals[1] = 7;
  for (uint64_t round = 0; round < n; ++round) {
    locals[0] = 1000;
    uint64_t *sp = bottom;
    for (uint32_t pc = 0, halted = 0; !halted;) {
      switch (code[pc++]) {
        case 0: halted = 1; break;
        case 1: *sp++ = code[pc++]; break;
        case 2: sp[-2] = sp[-2] + sp[-1]; --sp; break;
        case 3: sp[-2] = sp[-2] * sp[-1]; --sp; break;
        case 4: sp[0] = sp[-1]; ++sp; break;
        case 5: *sp++ = locals[code[pc++]]; break;
        case 6: locals[code[pc++]] = *--sp; break;
        case 7: pc = *--sp ? code[pc] : pc + 1; break;
        case 8: sp[-2] = sp[-2] - sp[-1]; --sp; break;
        default: __builtin_trap();
      }
    }
  }
  return locals[1];
}
