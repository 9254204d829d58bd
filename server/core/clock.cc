#include "server/core/clock.h"

#include <ctime>

namespace server {
namespace {

int64_t ReadMicros(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return int64_t{time.tv_sec} * 1'000'000 + time.tv_nsec / 1000;
}

}  // namespace

int64_t SystemClock::UnixMicros() { return ReadMicros(CLOCK_REALTIME); }
int64_t SystemClock::MonotonicMicros() { return ReadMicros(CLOCK_MONOTONIC); }

void SystemClock::Sleep(int64_t micros) {
  timespec left = {.tv_sec = micros / 1'000'000, .tv_nsec = micros % 1'000'000 * 1000};
  while (nanosleep(&left, &left) != 0) {
  }
}

const Instant& CommandTimer::Start() {
  now_ = {.unix_us = clock_.UnixMicros(), .monotonic_us = clock_.MonotonicMicros()};
  return now_;
}

int64_t CommandTimer::Advance() {
  const int64_t elapsed_us = clock_.MonotonicMicros() - now_.monotonic_us;
  now_.unix_us += elapsed_us;
  now_.monotonic_us += elapsed_us;
  return elapsed_us;
}

}  // namespace server
