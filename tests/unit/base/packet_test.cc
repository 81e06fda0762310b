// Packets of a UNIX socket.
#include "base/packet.hh"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace osb::test {
namespace {

class PacketTest : public ::testing::Test {
  protected:
    PacketTest() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
        near_ = Fd(ends[0]);
        far_ = Fd(ends[1]);
    }

    // Sends a packet with `count` descriptors.
    void send(std::string text, std::size_t count) const {
        constexpr std::size_t kMost = 16;
        alignas(cmsghdr) std::array<char, CMSG_SPACE(kMost * sizeof(int))> control{};
        iovec piece{.iov_base = text.data(), .iov_len = text.size()};
        msghdr message{};
        message.msg_iov = &piece;
        message.msg_iovlen = 1;
        if (count > 0) {
            message.msg_control = control.data();
            message.msg_controllen = CMSG_SPACE(count * sizeof(int));
            cmsghdr* const part = CMSG_FIRSTHDR(&message);
            part->cmsg_level = SOL_SOCKET;
            part->cmsg_type = SCM_RIGHTS;
            part->cmsg_len = CMSG_LEN(count * sizeof(int));
            const int fd = far_.get();
            for (std::size_t i = 0; i < count; ++i)
                std::memcpy(CMSG_DATA(part) + i * sizeof(int), &fd, sizeof fd);
        }
        ASSERT_EQ(::sendmsg(far_.get(), &message, 0), static_cast<ssize_t>(text.size()));
    }

    Fd near_;
    Fd far_;
};

TEST_F(PacketTest, HasTextAndDescriptors) {
    send("text", 2);
    const auto packet = receive_packet(near_.get(), 100);
    ASSERT_TRUE(packet.has_value());
    EXPECT_EQ(packet->text, "text");
    ASSERT_EQ(packet->descriptors.size(), 2U);
    EXPECT_NE(::fcntl(packet->descriptors[0].get(), F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_FALSE(packet->has_more_text || packet->has_more_descriptors);
}

TEST_F(PacketTest, SaysWhatIsLost) {
    send("longer", 0);
    const auto text = receive_packet(near_.get(), 4);
    ASSERT_TRUE(text.has_value());
    EXPECT_EQ(text->text, "long");
    EXPECT_TRUE(text->has_more_text);
    send("x", kMaxPacketDescriptors + 1);
    const auto many = receive_packet(near_.get(), 4);
    ASSERT_TRUE(many.has_value());
    EXPECT_TRUE(many->has_more_descriptors);
}

TEST_F(PacketTest, EndsWithTheConnection) {
    far_.close();
    EXPECT_FALSE(receive_packet(near_.get(), 4).has_value());
}

}  // namespace
}  // namespace osb::test
