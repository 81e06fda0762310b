// The messages between a process in the sandbox and its helper. Private to helper_process.cc and
// helper_server.cc, which are always of one program.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/packet.hh"

namespace osb {

// A request is this head and the arguments, each with its terminating null, in one packet.
struct HelperRequest {
    enum class Action : std::uint32_t { program, function, kill };
    Action action = Action::program;
    std::uint32_t shares_process_group = 0;
    std::int32_t pid = 0;  // for kill
    std::uint32_t descriptors = 0;
    std::array<std::int32_t, kMaxPacketDescriptors> numbers{};  // of the descriptors, in the child
};

struct HelperReply {
    std::int32_t error = 0;
    std::int32_t pid = 0;
};

// The most bytes of all arguments.
inline constexpr std::size_t kMaxHelperArguments = 32UL * 1024;

}  // namespace osb
