#include "../kernel.h"

struct body {
  double x, y, z, vx, vy, vz, mass;
};

uint64_t nbody(uint8_t *memory, uint64_t n) {
  struct body *bodies = (struct body *)memory;
  for (int i = 0; i < 4; ++i) {
    double x = i;
    bodies[i] = (struct body){x * 3.5, x * (x * 0.75) - 1, 0.5 - x, 0, x * 0.25, 0, x + 1};
  }
  for (uint64_t step = 0; step < n; ++step) {
    for (int i = 0; i < 4; ++i) {
      for (int j = i + 1; j < 4; ++j) {
        struct body *p = &bodies[i], *o = &bodies[j];
        double dx = p->x - o->x, dy = p->y - o->y, dz = p->z - o->z;
        double d2 = dx * dx + dy * dy + dz * dz + 0.01;
        double mag = 0.001 / (d2 * __builtin_sqrt(d2));
        double om = o->mass * mag;
        p->vx -= dx * om;
        p->vy -= dy * om;
        p->vz -= dz * om;
        double pm = p->mass * mag;
        o->vx += dx * pm;
        o->vy += dy * pm;
        o->vz += dz * pm;
      }
    }
    for (int i = 0; i < 4; ++i) {
      struct body *p = &bodies[i];
      p->x += 0.001 * p->vx;
      p->y += 0.001 * p->vy;
      p->z += 0.001 * p->vz;
    }
  }
  return bits_of(bodies[0].x);
}
