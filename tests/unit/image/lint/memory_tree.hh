// A tree for the checks of `lint`, made of a few entries, and the findings for it.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "image/lint/lint.hh"

namespace osb::test {

// Parents are made. Every function returns *this.
class MemoryTree final : public image::LintTree {
  public:
    MemoryTree() { directory(""); }

    MemoryTree& directory(const std::string& path, std::uint32_t mode = 0755) {
        make_parents(path);
        entries_[path] = {
            .kind = image::LintKind::directory, .mode = mode, .uid = 0, .gid = 0, .size = 0, .target = {}};
        return *this;
    }
    MemoryTree& file(const std::string& path, std::string text, std::uint32_t mode = 0644) {
        make_parents(path);
        entries_[path] = {.kind = image::LintKind::file,
                          .mode = mode,
                          .uid = 0,
                          .gid = 0,
                          .size = text.size(),
                          .target = {},
                          .content = sha256(as_bytes(text))};
        texts_[path] = std::move(text);
        return *this;
    }
    MemoryTree& link(const std::string& path, std::string target) {
        make_parents(path);
        entries_[path] = {.kind = image::LintKind::symlink,
                          .mode = 0777,
                          .uid = 0,
                          .gid = 0,
                          .size = 0,
                          .target = std::move(target)};
        return *this;
    }
    MemoryTree& special(const std::string& path) {
        make_parents(path);
        entries_[path] = {
            .kind = image::LintKind::special, .mode = 0600, .uid = 0, .gid = 0, .size = 0, .target = {}};
        return *this;
    }
    MemoryTree& remove(const std::string& path) {
        std::erase_if(entries_, [&](const auto& entry) {
            return entry.first == path || entry.first.starts_with(path + '/');
        });
        return *this;
    }
    // Changes the size that the entry states, for files that are not read.
    MemoryTree& resize(const std::string& path, std::uint64_t size) {
        entries_.at(path).size = size;
        return *this;
    }

    std::unique_ptr<Source> open(const std::string& path) const override {
        return std::make_unique<MemorySource>(as_bytes(texts_.at(path)));
    }

  private:
    void make_parents(const std::string& path) {
        const std::string parent(image::parent_path(path));
        if (!path.empty() && !entries_.contains(parent)) directory(parent);
    }

    std::map<std::string, std::string> texts_;
};

// An entry of a cpio archive in the format newc.
inline std::string cpio_entry(const std::string& name, std::uint32_t mode, const std::string& content) {
    const auto padded = [](std::string text) {
        text.resize((text.size() + 3) / 4 * 4, '\0');
        return text;
    };
    char header[111];
    std::snprintf(header, sizeof header, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", 1U,
                  mode, 0U, 0U, 1U, 0U, static_cast<unsigned>(content.size()), 0U, 0U, 0U, 0U,
                  static_cast<unsigned>(name.size() + 1), 0U);
    return padded(std::string(header) + name + '\0') + padded(content);
}

inline std::string cpio_trailer() {
    return cpio_entry("TRAILER!!!", 0, "");
}

// What an initramfs needs.
inline std::string good_initramfs() {
    return cpio_entry("init", 0100755, "#!/bin/sh\n") +
           cpio_entry("usr/lib/ostree/ostree-prepare-root", 0100755, "ELF") + cpio_trailer();
}

// The beginning of a bzImage with a 64-bit entry point.
inline std::string bzimage(char load_flags = 1) {
    std::string out(2048, '\0');
    out.replace(0x202, 4, "HdrS");
    out[0x206] = 0x0f;
    out[0x207] = 0x02;
    out[0x236] = load_flags;
    return out;
}

// The beginning of a program for the machine with this number in its ELF header.
inline std::string elf(char machine = 62) {
    std::string out(64, '\0');
    out.replace(0, 4,
                "\x7F"
                "ELF");
    out[4] = 2;
    out[5] = 1;
    out[18] = machine;
    return out;
}

// A system as an image has it, without any finding.
inline void make_good(MemoryTree& tree) {
    tree.directory("boot")
        .directory("var/log")
        .directory("run")
        .directory("tmp", 01777)
        .directory("root", 0700);
    tree.file("boot/vmlinuz-virt", bzimage()).file("boot/initramfs-virt", good_initramfs());
    tree.file("lib/modules/6.6-0-virt/modules.dep", "a").file("lib/modules/6.6-0-virt/kernel/a.ko", "ko");
    tree.file("bin/busybox", elf(), 0755).link("bin/sh", "/bin/busybox").link("sbin/init", "/bin/busybox");
    tree.file("etc/os-release", "ID=alpine\nPRETTY_NAME=\"Alpine\"\n")
        .file("etc/fstab", "tmpfs /tmp tmpfs mode=1777 0 0\n");
    tree.file("etc/init.d/osb-boot-check", "#!/sbin/openrc-run\n", 0755);
    tree.link("etc/runlevels/default/osb-boot-check", "/etc/init.d/osb-boot-check");
    tree.directory("usr/lib").directory("usr/share");
}

// The same as a commit has it.
inline void make_good_commit(MemoryTree& tree) {
    tree.directory("boot").directory("var").directory("sysroot").link("ostree", "sysroot/ostree");
    tree.link("bin", "usr/bin").link("sbin", "usr/sbin").link("lib", "usr/lib").link("root", "var/roothome");
    tree.file("usr/lib/modules/6.6/vmlinuz", bzimage())
        .file("usr/lib/modules/6.6/initramfs.img", good_initramfs());
    tree.file("usr/lib/modules/6.6/modules.dep", "a").file("usr/lib/modules/6.6/kernel/a.ko", "ko");
    tree.file("usr/bin/busybox", elf(), 0755).link("usr/sbin/init", "/bin/busybox");
    tree.file("usr/etc/os-release", "ID=alpine\n").directory("usr/share/factory/var/roothome", 0700);
    tree.file("usr/etc/init.d/osb-boot-check", "#!/sbin/openrc-run\n", 0755);
    tree.link("usr/etc/runlevels/default/osb-boot-check", "/etc/init.d/osb-boot-check");
}

// A tree with the facts beside it.
struct Linted {
    MemoryTree tree;
    image::LintSource source = image::LintSource::image;
    std::optional<oci::Platform> platform =
        oci::Platform{.os = "linux", .architecture = "amd64", .variant = {}};
    std::optional<std::string> version = "1";
    std::vector<std::string> dropped;

    std::vector<image::Finding> findings() const {
        return image::lint({.tree = tree,
                            .source = source,
                            .platform = platform,
                            .version = version,
                            .dropped = dropped},
                           {})
            .findings;
    }
};

// "severity check path" of all findings, one line each.
inline std::string summary_of(const std::vector<image::Finding>& findings) {
    std::string out;
    for (const image::Finding& finding : findings) {
        out += concat(image::to_string(finding.severity), ' ', finding.check, ' ', finding.path, '\n');
        EXPECT_FALSE(finding.message.empty());
        EXPECT_FALSE(finding.fix.empty());
        EXPECT_EQ(finding.message.find('\n'), std::string::npos);
        EXPECT_EQ(finding.fix.find('\n'), std::string::npos);
    }
    return out;
}

}  // namespace osb::test
