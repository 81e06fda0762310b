// A packet of a UNIX socket, with the descriptors that came along.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.hh"

namespace osb {

// The most descriptors of a packet. The kernel closes further ones.
inline constexpr std::size_t kMaxPacketDescriptors = 8;

struct Packet {
    std::string text;
    std::vector<Fd> descriptors;
    // The sender gave more, which is lost.
    bool has_more_text = false;
    bool has_more_descriptors = false;
};

// Waits for a packet of at most `max_text` bytes on a socket with packets (unix(7), SOCK_SEQPACKET). Returns
// nullopt at the end of the connection, and if the socket fails.
std::optional<Packet> receive_packet(int socket, std::size_t max_text);

}  // namespace osb
