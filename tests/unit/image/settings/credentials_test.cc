#include "image/settings/credentials.hh"

#include <gtest/gtest.h>

namespace osb::image {
namespace {

TEST(Credentials, PasswordHashes) {
    for (const char* text :
         {"$6$salt$hash", "$5$rounds=5000$salt$h.a/sh", "$y$j9T$salt$hash", "$2b$10$saltandhash", "$1$s$h"}) {
        EXPECT_TRUE(is_password_hash(text)) << text;
    }
    for (const char* text : {"", "$", "$$", "$$$", "$6$", "$6$salt", "$6$salt$", "$6$$hash", "x$6$salt$hash",
                             "plain", "$ $salt$hash", "*", "!"}) {
        EXPECT_FALSE(is_password_hash(text)) << text;
    }
}

TEST(Credentials, AuthorizedKeys) {
    for (const char* line :
         {"ssh-ed25519 AAAA", "ssh-rsa AAAA+/== me@example with words", "ecdsa-sha2-nistp256 AAAA x",
          "sk-ssh-ed25519@openssh.com AAAA", "ssh-ed25519-cert-v01@openssh.com AAAA", "# comment",
          "command=\"a b\",restrict ssh-rsa AAAA me", "ssh-rsa\tAAAA"}) {
        EXPECT_TRUE(is_authorized_key(line)) << line;
    }
    for (const char* line : {"hello", "", "ssh-rsa", "ssh-rsa ", "ssh- AAAA", "AAAA ssh-rsa",
                             "ssh-rsa -----BEGIN", "rsa AAAA", "/root/.ssh/id_ed25519.pub"}) {
        EXPECT_FALSE(is_authorized_key(line)) << line;
    }
}

}  // namespace
}  // namespace osb::image
