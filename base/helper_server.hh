// The helper process of a sandbox (helper_process.hh): what it does with requests.
#pragma once

#include "base/fd.hh"
#include "base/helper_process.hh"

namespace osb {

// Answers the requests of the other process until it ends. Then tidies up, and ends this process, which must
// have one thread. Children are those of the other process, which waits for them.
[[noreturn]] void run_helper(Fd socket, HelperRules rules);

}  // namespace osb
