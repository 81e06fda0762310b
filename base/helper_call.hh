// Calls of functions that run in the helper process, outside of the sandbox.
#pragma once

#include <string>

namespace osb {

// True if this process is in a sandbox, so that functions outside of it are to be called with
// call_helper().
bool has_helper() noexcept;

// Calls the function `name` of HelperRules, and returns its output of at most 64 MiB. Throws Error: refused
// if the rules do not have it; io with the message of the exception that it threw. Throws Interrupted.
std::string call_helper(const std::string& name, const std::string& input);

}  // namespace osb
