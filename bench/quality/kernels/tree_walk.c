#include "../kernel.h"

struct node {
  uint32_t key;
  int32_t left, right, value;
};

uint64_t tree_walk(uint8_t *memory, uint64_t n) {
  struct node *nodes = (struct node *)memory;
  uint32_t seed = 1;
  uint64_t sum = 0;
  for (uint64_t round = 0; round < n; ++round) {
    nodes[0] = (struct node){1073741824, -1, -1, 0};
    for (int i = 1; i < 512; ++i) {
      seed = seed * 1664525 + 1013904223;
      uint32_t key = seed >> 1;
      nodes[i] = (struct node){key, -1, -1, i};
      for (int at = 0;;) {
        int32_t *next = key < nodes[at].key ? &nodes[at].left : &nodes[at].right;
        if (*next < 0) {
          *next = i;
          break;
        }
        at = *next;
      }
    }
    for (int j = 0; j < 1024; ++j) {
      seed = seed * 22695477 + 1;
      uint32_t want = seed >> 1;
      int32_t result = 0;
      for (int at = 0; at >= 0; ++result) {
        if (nodes[at].key == want) {
          result = nodes[at].value;
          break;
        }
        at = want < nodes[at].key ? nodes[at].left : nodes[at].right;
      }
      sum += (int64_t)result;
    }
  }
  return sum;
}
