// Runs a function in a process of its own, in a sandbox: for a verb that decodes bytes from outside, and then
// changes what the decoder must not reach.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "base/sandbox.hh"

namespace osb {

// The most bytes of a result.
inline constexpr std::size_t kMaxSandboxedResult = 16UL * 1024 * 1024;

// Calls `function` in a child process, within a sandbox by `rules`, and returns its result. The child has a
// copy of this process's memory, and of its descriptors only standard input and standard error: the function
// opens by path what it needs. The child ends with this process. A child that was taken over may return
// anything: parse it as bytes from outside. With SandboxMode::off, calls the function in this process.
// Not thread-safe: locks that other threads hold would stay locked in the child.
// Throws Error: what the function throws; internal if the child ends without a result; as Sandbox. Throws
// Interrupted, when the child has ended.
std::string call_in_sandbox(const SandboxRules& rules, SandboxMode mode,
                            const std::function<std::string()>& function);

}  // namespace osb
