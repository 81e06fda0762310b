#include "base/packet.hh"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace osb {
namespace {

std::vector<Fd> take_descriptors(msghdr& message) {
    std::vector<Fd> out;
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
            out.emplace_back(fd);
        }
    }
    return out;
}

}  // namespace

std::optional<Packet> receive_packet(int socket, std::size_t max_text) {
    Packet out;
    out.text.resize(max_text);
    alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxPacketDescriptors * sizeof(int))> control{};
    iovec piece{.iov_base = out.text.data(), .iov_len = out.text.size()};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t size = -1;
    do size = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (size < 0 && errno == EINTR);
    if (size <= 0) return std::nullopt;
    out.descriptors = take_descriptors(message);
    out.has_more_text = (message.msg_flags & MSG_TRUNC) != 0;
    out.has_more_descriptors = (message.msg_flags & MSG_CTRUNC) != 0;
    out.text.resize(static_cast<std::size_t>(size));
    return out;
}

}  // namespace osb
