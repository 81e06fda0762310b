#include "base/umask_scope.hh"

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace osb {
namespace {

mode_t present() {
    const mode_t out = ::umask(0);
    ::umask(out);
    return out;
}

TEST(UmaskScope, EndsWithWhatWasBefore) {
    const mode_t before = present();
    {
        const UmaskScope outer(027);
        EXPECT_EQ(present(), 027U);
        {
            const UmaskScope inner(0);
            EXPECT_EQ(present(), 0U);
        }
        EXPECT_EQ(present(), 027U);
    }
    EXPECT_EQ(present(), before);
}

TEST(UmaskScope, WhatIsReadableKeepsTheGroupsRightsAlone) {
    for (const auto& [caller, readable] :
         {std::pair<mode_t, mode_t>{077, 022}, {022, 022}, {027, 022}, {002, 002}, {0, 0}}) {
        const UmaskScope scope(caller);
        EXPECT_EQ(UmaskScope::readable(), readable) << caller;
        EXPECT_EQ(present(), caller);
    }
}

}  // namespace
}  // namespace osb
