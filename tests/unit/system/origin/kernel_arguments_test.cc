#include "system/origin/kernel_arguments.hh"

#include <gtest/gtest.h>

#include "base/error.hh"

namespace osb::system {
namespace {

using Words = std::vector<std::string>;

const Words kArguments{"root=UUID=1-2", "rw", "console=tty0", "console=ttyS0,115200", "quiet"};

ErrorKind refusal(const KernelArgumentEdits& edits, const Words& arguments = kArguments) {
    try {
        edit_kernel_arguments(arguments, edits);
    } catch (const Error& error) {
        return error.kind();
    }
    return ErrorKind::internal;
}

TEST(EditKernelArguments, NothingToDo) {
    EXPECT_EQ(edit_kernel_arguments(kArguments, {}), kArguments);
    EXPECT_TRUE(KernelArgumentEdits{}.empty());
    EXPECT_FALSE((KernelArgumentEdits{.append_if_missing = {"x"}}.empty()));
}

TEST(EditKernelArguments, AppendsAtTheEndInOrder) {
    EXPECT_EQ(edit_kernel_arguments({"a", "b"}, {.append = {"c=1 d", "a"}, .append_if_missing = {"e"}}),
              (Words{"a", "b", "c=1", "d", "a", "e"}));
}

TEST(EditKernelArguments, AppendIfMissingComparesTheWholeArgument) {
    EXPECT_EQ(edit_kernel_arguments({"a=1"}, {.append_if_missing = {"a=1", "a=2", "a=2", "a"}}),
              (Words{"a=1", "a=2", "a"}));
}

// SYSLINUX would load it in place of the deployment's own.
TEST(EditKernelArguments, AnInitramfsIsNotTheirsToSet) {
    EXPECT_EQ(refusal({.append = {"initrd=/evil"}}), ErrorKind::usage);
    EXPECT_EQ(refusal({.append = {"quiet \"ostree=/x y\""}}), ErrorKind::usage);
}

// The kernel stops there, and would not see what a trial adds. One that is there can be removed.
TEST(EditKernelArguments, TwoDashesAreRefused) {
    EXPECT_EQ(refusal({.append = {"--"}}), ErrorKind::usage);
    EXPECT_EQ(refusal({.append = {"a -- b"}}), ErrorKind::usage);
    EXPECT_EQ(refusal({.append = {"\"--\""}}), ErrorKind::usage);
    EXPECT_EQ(refusal({.append_if_missing = {"--"}}), ErrorKind::usage);
    EXPECT_EQ(refusal({.replace = {"--"}}, {"a", "--"}), ErrorKind::usage);
    EXPECT_EQ(edit_kernel_arguments({"a", "--", "b"}, {.remove = {"--"}}), (Words{"a", "b"}));
    EXPECT_EQ(edit_kernel_arguments({"a"}, {.append = {"x=--"}}), (Words{"a", "x=--"}));
}

TEST(EditKernelArguments, DeletesByKeyOrByValue) {
    EXPECT_EQ(edit_kernel_arguments(kArguments, {.remove = {"quiet", "root"}}),
              (Words{"rw", "console=tty0", "console=ttyS0,115200"}));
    EXPECT_EQ(edit_kernel_arguments(kArguments, {.remove = {"console=tty0"}}),
              (Words{"root=UUID=1-2", "rw", "console=ttyS0,115200", "quiet"}));
    // A bare KEY beside KEY=VALUE is what KEY means.
    EXPECT_EQ(edit_kernel_arguments({"debug=1", "debug", "x"}, {.remove = {"debug"}}),
              (Words{"debug=1", "x"}));
    // And when the first is gone the second may be meant by its key.
    EXPECT_EQ(edit_kernel_arguments({"c=1", "c=2"}, {.remove = {"c=1", "c"}}), Words{});
}

TEST(EditKernelArguments, DeletesNothingThatIsNotThereOrNotMeant) {
    EXPECT_EQ(refusal({.remove = {"splash"}}), ErrorKind::not_found);
    EXPECT_EQ(refusal({.remove = {"quiet=1"}}), ErrorKind::not_found);
    EXPECT_EQ(refusal({.remove = {"roo"}}), ErrorKind::not_found);
    EXPECT_EQ(refusal({.remove = {"console=tty"}}), ErrorKind::not_found);
    EXPECT_EQ(refusal({.remove = {"console"}}), ErrorKind::usage);  // which of the two?
    EXPECT_EQ(refusal({.remove = {"rw", "rw"}}), ErrorKind::not_found);
}

TEST(EditKernelArguments, ReplacesInPlace) {
    EXPECT_EQ(edit_kernel_arguments(kArguments, {.replace = {"console=tty0=tty1", "rw=1", "quiet=0"}}),
              (Words{"root=UUID=1-2", "rw=1", "console=tty1", "console=ttyS0,115200", "quiet=0"}));
    EXPECT_EQ(edit_kernel_arguments({"panic=10"}, {.replace = {"panic=10=30"}}), Words{"panic=30"});
    EXPECT_EQ(edit_kernel_arguments({"panic=10"}, {.replace = {"panic"}}), Words{"panic"});
    EXPECT_EQ(edit_kernel_arguments({"a", "a=1"}, {.replace = {"a==2"}}), (Words{"a=2", "a=1"}));
}

TEST(EditKernelArguments, ReplacesValuesThatHoldAnEqualsSign) {
    EXPECT_EQ(edit_kernel_arguments(kArguments, {.replace = {"root=UUID=1-2=LABEL=ROOT"}}).front(),
              "root=LABEL=ROOT");
    // Of two readings the one with the longer old value.
    EXPECT_EQ(edit_kernel_arguments({"k=a", "k=a=b"}, {.replace = {"k=a=b=c"}}), (Words{"k=a", "k=c"}));
}

TEST(EditKernelArguments, ReplacesNothingThatIsNotThereOrNotMeant) {
    EXPECT_EQ(refusal({.replace = {"splash=1"}}), ErrorKind::not_found);
    EXPECT_EQ(refusal({.replace = {"console=tty5=tty6"}}), ErrorKind::not_found);
    EXPECT_EQ(refusal({.replace = {"console=tty=x"}}), ErrorKind::not_found);
    EXPECT_EQ(refusal({.replace = {"console=tty0"}}), ErrorKind::usage);
}

TEST(EditKernelArguments, RefusesWhatIsNotTheUsers) {
    const Words with_ours{"ostree=/ostree/boot.1/x", "osb.trial=1"};
    EXPECT_EQ(refusal({.append = {"ostree=/x"}}), ErrorKind::usage);
    EXPECT_EQ(refusal({.append = {"quiet ostree=/x"}}), ErrorKind::usage);
    EXPECT_EQ(refusal({.append_if_missing = {"osb.trial=1"}}), ErrorKind::usage);
    EXPECT_EQ(refusal({.remove = {"ostree"}}, with_ours), ErrorKind::usage);
    EXPECT_EQ(refusal({.replace = {"osb.trial=2"}}, with_ours), ErrorKind::usage);
    // Other names that only begin like them are the user's.
    EXPECT_EQ(edit_kernel_arguments({}, {.append = {"ostree.prepare-root.composefs=0"}}).size(), 1U);
}

TEST(EditKernelArguments, RefusesWhatIsNoArgument) {
    EXPECT_EQ(refusal({.append = {""}}), ErrorKind::usage);
    EXPECT_EQ(refusal({.append = {"  "}}), ErrorKind::usage);
    EXPECT_EQ(refusal({.append = {"=x"}}), ErrorKind::usage);
    EXPECT_EQ(refusal({.remove = {"=x"}}), ErrorKind::usage);
    EXPECT_EQ(refusal({.append = {"a\x01"}}), ErrorKind::usage);
}

}  // namespace
}  // namespace osb::system
