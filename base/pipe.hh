// Pipes between this process and its children.
#pragma once

#include "base/fd.hh"

namespace osb {

// Both ends of a pipe. Both are close-on-exec.
struct Pipe {
    Fd reader;
    Fd writer;
};

// Creates a pipe. Throws Error{io}.
Pipe make_pipe();

}  // namespace osb
