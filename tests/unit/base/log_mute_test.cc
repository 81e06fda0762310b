// Messages are discarded while a mute exists.
#include "base/log_mute.hh"

#include <gtest/gtest.h>

#include <string>

#include "base/log.hh"

namespace osb {
namespace {

TEST(LogMute, DiscardsMessagesDuringItsLifetime) {
    std::string seen;
    set_log_sink([&](LogLevel, const std::string& line) { seen += line; });
    log_warning("a");
    {
        const LogMute mute;
        log_warning("b");
        {
            const LogMute second;
            log_info("c");
        }
        log_warning("d");
    }
    log_warning("e");
    set_log_sink({});
    EXPECT_EQ(seen, "ae");
}

}  // namespace
}  // namespace osb
