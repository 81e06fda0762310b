// Packets of UNIX sockets, with descriptors that come along.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hh"

namespace osb {

// The most descriptors that are received with a packet. The kernel closes further ones.
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

// Sends a packet. Throws Error{io}, also if the other end is closed.
void send_packet(int socket, std::string_view text, const std::vector<int>& descriptors = {});

}  // namespace osb
