// What a link transfers while a request waits, from the transfers over it.
#include "registry/http/link_meter.hh"

#include <gtest/gtest.h>

namespace osb::test {
namespace {

using namespace std::chrono_literals;
using registry::LinkMeter;

TEST(LinkMeterTest, NothingIsKnownBeforeTheFirstTransfer) {
    EXPECT_EQ(LinkMeter().bytes_per_wait(), 0U);
}

TEST(LinkMeterTest, TheWaitAndTheRateMayComeFromTwoTransfers) {
    LinkMeter meter;
    meter.add(50ms, 0ms, 300);
    EXPECT_EQ(meter.bytes_per_wait(), 0U) << "no rate yet";
    meter.add(80ms, 1s, 2'000'000);
    EXPECT_EQ(meter.bytes_per_wait(), 100'000U) << "2 MB/s for 50 ms";
}

TEST(LinkMeterTest, SlowServersAndReadersDoNotCount) {
    LinkMeter meter;
    meter.add(50ms, 100ms, 200'000);
    meter.add(2s, 10s, 200'000);
    EXPECT_EQ(meter.bytes_per_wait(), 100'000U);
    meter.add(40ms, 50ms, 200'000);
    EXPECT_EQ(meter.bytes_per_wait(), 160'000U);
}

TEST(LinkMeterTest, TheRateOfASmallBodyDoesNotCount) {
    LinkMeter meter;
    meter.add(50ms, 1us, LinkMeter::kLeastBody - 1);
    EXPECT_EQ(meter.bytes_per_wait(), 0U);
}

TEST(LinkMeterTest, AServerNearbyIsNoLink) {
    LinkMeter meter;
    meter.add(LinkMeter::kLeastWait - 1us, 1s, 1'000'000);
    EXPECT_EQ(meter.bytes_per_wait(), 0U);
}

TEST(LinkMeterTest, SenselessTimesStayInRange) {
    LinkMeter meter;
    meter.add(std::chrono::hours(100'000), 0us, UINT64_MAX);
    EXPECT_GT(meter.bytes_per_wait(), 0U);
    LinkMeter other;
    other.add(-1s, -1s, 1'000'000);
    EXPECT_EQ(other.bytes_per_wait(), 0U) << "no wait is a server nearby";
}

}  // namespace
}  // namespace osb::test
