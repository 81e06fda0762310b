// Pipes between this process and its children.
#pragma once

#include "base/fd.hh"

namespace osb {

// Both ends of a pipe, closed on exec.
struct Pipe {
    Fd reader;
    Fd writer;
};

// Throws Error{io}.
Pipe make_pipe();

}  // namespace osb
