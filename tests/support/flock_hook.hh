// flock(2) of this test program, which takes the place of libc's: it can be made to fail, and what happens
// just before it can be said.
#pragma once

#include <functional>

namespace osb::test {

// For as long as it lives. One at a time.
class FlockHook {
  public:
    // Called before each flock(); its result is the errno that the call ends with, 0 for the real call.
    explicit FlockHook(std::function<int()> before);
    FlockHook(const FlockHook&) = delete;
    FlockHook& operator=(const FlockHook&) = delete;
    ~FlockHook();
};

}  // namespace osb::test
