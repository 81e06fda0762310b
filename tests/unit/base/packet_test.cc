// Packets of a UNIX socket.
#include "base/packet.hh"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string_view>
#include <vector>

#include "base/error.hh"

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
    void send(std::string_view text, std::size_t count) const {
        send_packet(far_.get(), text, std::vector<int>(count, far_.get()));
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
    EXPECT_THROW(send_packet(near_.get(), "x"), Error);
}

}  // namespace
}  // namespace osb::test
