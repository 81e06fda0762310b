#include "ostree/push/ssh_rules.hh"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/temporary_directory.hh"
#include "ostree/push/ssh_connection.hh"

namespace osb::ostree {
namespace {

using Arguments = std::vector<std::string>;

class SshRulesTest : public testing::Test {
  protected:
    SshRulesTest() { set_temporary_directory("/tmp/run"); }
    ~SshRulesTest() override { set_temporary_directory(""); }

    bool allows(const Arguments& argv) const { return is_ssh_command(argv, target_, false); }
    bool allows_command(const std::string& command) const {
        return allows({"ssh", "-F", "none", "-S", "/tmp/run/x/ssh", "-T", "--", "host", command});
    }

    const SshTarget target_ = SshTarget::parse("ssh://me@host:2222/srv/the repo");
};

TEST_F(SshRulesTest, TheCommandsOfAPush) {
    EXPECT_TRUE(allows(ssh_master_arguments(target_, "/tmp/run/x/ssh", false)));
    EXPECT_TRUE(allows({"ssh", "-F", "none", "-S", "/tmp/run/x/ssh", "-O", "exit", "--", "host"}));
    for (const std::string listen : {"127.0.0.1:0:", "0:"}) {
        EXPECT_TRUE(allows({"ssh", "-F", "none", "-S", "/tmp/run/x/ssh", "-O", "forward", "-R",
                            listen + "/tmp/run/x/http", "--", "host"}));
    }
    EXPECT_TRUE(
        allows_command("ostree-receive -n -v '/srv/the repo' http://127.0.0.1:81/0af os/x86_64/main"));
}

TEST_F(SshRulesTest, NoOtherConnection) {
    EXPECT_FALSE(allows(ssh_master_arguments(target_, "/home/me/ssh", false)));
    EXPECT_FALSE(allows(ssh_master_arguments(target_, "/tmp/run/../ssh", false)));
    EXPECT_FALSE(allows(ssh_master_arguments(target_, "/tmp/run/%h", false)));
    EXPECT_FALSE(allows(ssh_master_arguments(target_, "/tmp/run/ssh", true)));
    EXPECT_FALSE(allows(ssh_master_arguments(SshTarget::parse("ssh://other/srv"), "/tmp/run/ssh", false)));
    Arguments more = ssh_master_arguments(target_, "/tmp/run/ssh", false);
    more.insert(more.begin() + 5, {"-o", "ProxyCommand=touch /tmp/x"});
    EXPECT_FALSE(allows(more));
    EXPECT_FALSE(allows({}));
    EXPECT_FALSE(allows({"-S"}));
    EXPECT_FALSE(allows({"sh", "-c", "true", "-S", "/tmp/run/ssh"}));
}

TEST_F(SshRulesTest, NoOtherForwarding) {
    for (const std::string where : {"0.0.0.0:0:/tmp/run/http", "0:/run/docker.sock", "0:localhost:22",
                                    "127.0.0.1:0:/tmp/run/../docker.sock"}) {
        EXPECT_FALSE(
            allows({"ssh", "-F", "none", "-S", "/tmp/run/ssh", "-O", "forward", "-R", where, "--", "host"}))
            << where;
    }
    EXPECT_FALSE(allows(
        {"ssh", "-F", "none", "-S", "/tmp/run/ssh", "-O", "forward", "-L", "0:/tmp/run/http", "--", "host"}));
}

TEST_F(SshRulesTest, NoOtherCommand) {
    const std::string start = "ostree-receive -v '/srv/the repo' http://127.0.0.1:81/0af ";
    EXPECT_TRUE(allows_command(start + "os"));
    EXPECT_FALSE(allows_command("sh"));
    EXPECT_FALSE(allows_command(start));
    EXPECT_FALSE(allows_command(start + "os; id"));
    EXPECT_FALSE(allows_command(start + "os\nid"));
    EXPECT_FALSE(allows_command(start + "$(id)"));
    EXPECT_FALSE(allows_command("ostree-receive -v /srv/other http://127.0.0.1:81/0af os"));
    EXPECT_FALSE(allows_command("ostree-receive -v '/srv/the repo' http://evil.example:81/0af os"));
    EXPECT_FALSE(allows_command("ostree-receive -v '/srv/the repo' http://127.0.0.1:81@evil/0af os"));
}

}  // namespace
}  // namespace osb::ostree
