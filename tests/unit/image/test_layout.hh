// A small deployment, as lay_out_sysroot() makes it of a commit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "image/deployment/sysroot_layout.hh"

namespace osb::test {

// Of the files of an installation, in seconds since 1970.
inline constexpr std::int64_t kTime = 1700000000;

// With /usr, /etc and /var, and the links of a bootable image: /home, /root, /srv, /usr/local, /bin.
image::SysrootLayout test_layout();

// Adds an entry of the deployment; parents are made.
image::InodeId add_file(image::SysrootLayout& layout, std::string_view path, std::string text,
                        const image::Attributes& attributes = {.mode = 0644});
image::InodeId add_symlink(image::SysrootLayout& layout, std::string_view path, std::string target);
image::InodeId add_directory(image::SysrootLayout& layout, std::string_view path,
                             const image::Attributes& attributes = {.mode = 0755});

// Of the path in the deployment, or below /var; no link is followed. Ends the test with an exception when
// there is nothing.
const image::Inode& inode_at(const image::SysrootLayout& layout, std::string_view path);
bool is_there(const image::SysrootLayout& layout, std::string_view path);
const std::string& text_at(const image::SysrootLayout& layout, std::string_view path);

}  // namespace osb::test
