// --layout bootable: what an ordinary root filesystem becomes.
#include "tests/unit/ostree/import_fixture.hh"

namespace osb::test {
namespace {

class BootableLayoutTest : public ImportTest {
  protected:
    bool noted(const std::string& text) const {
        for (const std::string& note : result_->notes) {
            if (note.find(text) != std::string::npos) return true;
        }
        return false;
    }
    bool warned(const std::string& text) const {
        for (const std::string& warning : warnings_) {
            if (warning.find(text) != std::string::npos) return true;
        }
        return false;
    }
};

TEST_F(BootableLayoutTest, EtcMovesToUsrEtc) {
    const Listing tree = bootable(
        {TarBuilder().directory("etc", 0751).file("etc/passwd", "p").symlink("etc/mtab", "../proc/mounts")});
    EXPECT_EQ(content(tree, "/usr/etc/passwd"), "p");
    EXPECT_EQ(tree.at("/usr/etc").mode, 0751U);
    // In the running system it is found in /etc: the link keeps its text.
    EXPECT_EQ(content(tree, "/usr/etc/mtab"), "../proc/mounts");
    EXPECT_EQ(type(tree, "/etc"), '-');
}

TEST_F(BootableLayoutTest, TopLevelDirectoriesMergeIntoUsr) {
    const Listing tree = bootable({TarBuilder()
                                       .file("bin/busybox", "bb", 0755)
                                       .symlink("bin/sh", "/bin/busybox")
                                       .symlink("bin/ash", "busybox")
                                       .symlink("sbin/init", "../bin/busybox")
                                       .file("lib/ld-musl.so", "ld")
                                       .symlink("lib/a/b", "../../etc/x")
                                       .file("usr/bin/env", "e")
                                       .file("etc/x", "x")});
    EXPECT_EQ(content(tree, "/bin"), "usr/bin");
    EXPECT_EQ(content(tree, "/lib"), "usr/lib");
    EXPECT_EQ(content(tree, "/sbin"), "usr/sbin");
    EXPECT_EQ(content(tree, "/usr/bin/busybox"), "bb");
    EXPECT_EQ(content(tree, "/usr/bin/env"), "e");
    EXPECT_EQ(content(tree, "/usr/bin/sh"), "/bin/busybox");
    EXPECT_EQ(content(tree, "/usr/bin/ash"), "busybox");
    EXPECT_EQ(content(tree, "/usr/sbin/init"), "../../bin/busybox");
    EXPECT_EQ(content(tree, "/usr/lib/a/b"), "../../../etc/x");
    EXPECT_FALSE(warned("no init"));
}

TEST_F(BootableLayoutTest, LinksBetweenTheHalvesResolveToTheFile) {
    const Listing tree = bootable({TarBuilder()
                                       .file("lib/libssl.so.3", "ssl")
                                       .symlink("usr/lib/libssl.so.3", "../../lib/libssl.so.3")
                                       .file("usr/lib/libz.so.1", "z")
                                       .symlink("lib/libz.so.1", "/usr/lib/libz.so.1")
                                       .directory("lib/firmware")
                                       .file("lib/firmware/f", "fw")
                                       .symlink("usr/lib/firmware", "/lib/firmware")
                                       .symlink("bin/vi", "/usr/bin/vim")
                                       .symlink("usr/bin/vi", "../../bin/vi")
                                       .file("usr/bin/vim", "vim")});
    EXPECT_EQ(content(tree, "/usr/lib/libssl.so.3"), "ssl");
    EXPECT_EQ(type(tree, "/usr/lib/libssl.so.3"), 'f');
    EXPECT_EQ(content(tree, "/usr/lib/libz.so.1"), "z");
    EXPECT_EQ(content(tree, "/usr/lib/firmware/f"), "fw");
    EXPECT_EQ(content(tree, "/usr/bin/vi"), "/usr/bin/vim");
}

TEST_F(BootableLayoutTest, TheSameFileTwiceIsOne) {
    const Listing tree = bootable({TarBuilder().file("bin/x", "same", 0755).file("usr/bin/x", "same", 0755)});
    EXPECT_EQ(content(tree, "/usr/bin/x"), "same");
}

TEST_F(BootableLayoutTest, TwoDifferentFilesForOnePlaceAreAnErrorThatNamesBoth) {
    const std::string message =
        refusal({TarBuilder().file("bin/x", "one").file("usr/bin/x", "two")}, ostree::Layout::bootable);
    EXPECT_NE(message.find("'/bin/x'"), std::string::npos);
    EXPECT_NE(message.find("'/usr/bin/x'"), std::string::npos);
    refusal({TarBuilder().file("bin/x", "same", 0755).file("usr/bin/x", "same", 0700)},
            ostree::Layout::bootable);
    refusal({TarBuilder().file("bin/x/y", "dir").file("usr/bin/x", "file")}, ostree::Layout::bootable);
    refusal({TarBuilder().file("etc/a", "1").file("usr/etc/a", "2")}, ostree::Layout::bootable);
    refusal({TarBuilder().file("home/u/a", "1").file("var/home/u/a", "2")}, ostree::Layout::bootable);
}

TEST_F(BootableLayoutTest, MergedImagesStayAsTheyAre) {
    const Listing tree = bootable({TarBuilder()
                                       .file("usr/bin/sh", "sh")
                                       .symlink("bin", "usr/bin")
                                       .symlink("lib", "/usr/lib")
                                       .directory("usr/lib")});
    EXPECT_EQ(content(tree, "/bin"), "usr/bin");
    EXPECT_EQ(content(tree, "/lib"), "/usr/lib");
}

TEST_F(BootableLayoutTest, AlpineKernel) {
    const Listing tree = bootable({TarBuilder()
                                       .file("boot/vmlinuz-virt", "kernel")
                                       .file("boot/initramfs-virt", "ramfs")
                                       .file("boot/config-6.6.54-0-virt", "c")
                                       .file("boot/System.map-6.6.54-0-virt", "m")
                                       .symlink("boot/boot", ".")
                                       .file("lib/modules/6.6.54-0-virt/modules.dep", "d")
                                       .directory("lib/modules/6.6.54-0-virt")});
    const std::string modules = "/usr/lib/modules/6.6.54-0-virt";
    EXPECT_EQ(result_->kernel, "6.6.54-0-virt");
    EXPECT_EQ(content(tree, modules + "/vmlinuz"), "kernel");
    EXPECT_EQ(content(tree, modules + "/initramfs.img"), "ramfs");
    EXPECT_EQ(content(tree, modules + "/config"), "c");
    EXPECT_EQ(content(tree, modules + "/System.map"), "m");
    EXPECT_EQ(content(tree, modules + "/modules.dep"), "d");
    EXPECT_EQ(type(tree, "/boot"), 'd');
    EXPECT_EQ(type(tree, "/boot/vmlinuz-virt"), '-');
    EXPECT_EQ(type(tree, "/boot/boot"), '-');
    EXPECT_TRUE(noted("/boot"));
    EXPECT_FALSE(warned("kernel"));
    EXPECT_FALSE(warned("initramfs"));
    EXPECT_EQ(commit_string(repo_path(), "os/test", "ostree.linux"), "6.6.54-0-virt");
}

TEST_F(BootableLayoutTest, DebianKernelAndKernelInPlace) {
    Listing tree = bootable({TarBuilder()
                                 .file("boot/vmlinuz-6.1.0-9-amd64", "k")
                                 .file("boot/initrd.img-6.1.0-9-amd64", "i")
                                 .file("usr/lib/modules/6.1.0-9-amd64/m", "m")
                                 .file("usr/lib/modules/5.10.0-1-amd64/m", "old")});
    EXPECT_EQ(content(tree, "/usr/lib/modules/6.1.0-9-amd64/initramfs.img"), "i");
    tree = bootable({TarBuilder()
                         .file("usr/lib/modules/6.1/vmlinuz", "k")
                         .file("usr/lib/modules/6.1/initramfs.img", "i")});
    EXPECT_EQ(result_->kernel, "6.1");
    EXPECT_EQ(content(tree, "/usr/lib/modules/6.1/vmlinuz"), "k");
}

TEST_F(BootableLayoutTest, TheSameKernelInBothPlacesIsOne) {
    const Listing tree =
        bootable({TarBuilder().file("boot/vmlinuz-lts", "k").file("lib/modules/6.6.1-0-lts/vmlinuz", "k")});
    EXPECT_EQ(content(tree, "/usr/lib/modules/6.6.1-0-lts/vmlinuz"), "k");
    EXPECT_TRUE(warned("no initramfs"));
}

TEST_F(BootableLayoutTest, TwoKernelsAreRefused) {
    EXPECT_NE(refusal({TarBuilder()
                           .file("boot/vmlinuz-lts", "k1")
                           .file("boot/vmlinuz-virt", "k2")
                           .file("lib/modules/6-lts/m", "")
                           .file("lib/modules/6-virt/m", "")},
                      ostree::Layout::bootable)
                  .find("two kernels"),
              std::string::npos);
    refusal({TarBuilder().file("boot/vmlinuz-lts", "k1").file("lib/modules/6-lts/vmlinuz", "k2")},
            ostree::Layout::bootable);
    refusal({TarBuilder()
                 .file("boot/vmlinuz-lts", "k")
                 .file("lib/modules/6-lts/m", "")
                 .file("lib/modules/7-lts/m", "")},
            ostree::Layout::bootable);
}

TEST_F(BootableLayoutTest, WithoutKernelThereIsAWarning) {
    bootable({TarBuilder().file("bin/sh", "s")});
    EXPECT_TRUE(warned("no kernel"));
    EXPECT_TRUE(warned("no init"));
    EXPECT_EQ(result_->kernel, "");
    EXPECT_EQ(commit_string(repo_path(), "os/test", "ostree.linux"), "");
}

TEST_F(BootableLayoutTest, StateBecomesLinksIntoVar) {
    const Listing tree = bootable({TarBuilder().file("etc/x", "x")});
    EXPECT_EQ(content(tree, "/home"), "var/home");
    EXPECT_EQ(content(tree, "/root"), "var/roothome");
    EXPECT_EQ(content(tree, "/srv"), "var/srv");
    EXPECT_EQ(content(tree, "/mnt"), "var/mnt");
    EXPECT_EQ(content(tree, "/opt"), "var/opt");
    EXPECT_EQ(content(tree, "/usr/local"), "../var/usrlocal");
    EXPECT_EQ(content(tree, "/ostree"), "sysroot/ostree");
    EXPECT_EQ(type(tree, "/sysroot"), 'd');
    EXPECT_EQ(type(tree, "/var"), 'd');
    EXPECT_EQ(tree.at("/tmp").mode, 01777U);
    EXPECT_EQ(tree.at("/usr/share/factory/var/roothome").mode, 0700U);
    for (const char* place : {"home", "srv", "mnt", "opt", "usrlocal"}) {
        EXPECT_EQ(type(tree, std::string("/usr/share/factory/var/") + place), 'd') << place;
    }
}

TEST_F(BootableLayoutTest, ContentOfStateGoesToTheFactory) {
    const Listing tree = bootable({TarBuilder()
                                       .directory("root", 0700)
                                       .file("root/.profile", "p", 0600)
                                       .symlink("root/conf", "../etc/conf")
                                       .file("home/u/f", "h")
                                       .file("srv/www/i", "w")
                                       .directory("var/tmp", 01777)
                                       .file("var/lib/db", "d")
                                       .symlink("var/run", "../run")
                                       .file("mnt/m", "m")
                                       .directory("usr/local/bin")});
    const std::string factory = "/usr/share/factory/var";
    EXPECT_EQ(content(tree, factory + "/roothome/.profile"), "p");
    EXPECT_EQ(tree.at(factory + "/roothome").mode, 0700U);
    EXPECT_EQ(content(tree, factory + "/roothome/conf"), "../../etc/conf");  // as seen from /var/roothome
    EXPECT_EQ(content(tree, factory + "/home/u/f"), "h");
    EXPECT_EQ(content(tree, factory + "/srv/www/i"), "w");
    EXPECT_EQ(content(tree, factory + "/mnt/m"), "m");
    EXPECT_EQ(content(tree, factory + "/lib/db"), "d");
    EXPECT_EQ(content(tree, factory + "/run"), "../run");
    EXPECT_EQ(tree.at(factory + "/tmp").mode, 01777U);
    EXPECT_EQ(type(tree, factory + "/usrlocal/bin"), 'd');
    EXPECT_EQ(content(tree, "/usr/local"), "../var/usrlocal");
    EXPECT_EQ(type(tree, "/var/lib"), '-');
    EXPECT_TRUE(noted("/root: 2 files"));
    EXPECT_TRUE(noted("/var: 2 files"));
}

// What is in bounds in the image may not be where the layout moves it.
TEST_F(BootableLayoutTest, WhatIsMovedStaysInBounds) {
    const auto deep = [](int directories) {
        std::string path = "var";
        for (int i = 0; i < directories; ++i) path += "/d";
        return TarBuilder().file(path + "/f", "x");
    };
    EXPECT_EQ(type(bootable({deep(251)}), "/usr/share/factory/var"), 'd');
    for (const int directories : {252, 254})
        EXPECT_NE(refusal({deep(directories)}, ostree::Layout::bootable).find("256 deep"), std::string::npos);
    std::string path = "var";
    while (path.size() + 256 <= 4090) path += '/' + std::string(255, 'n');
    path += '/' + std::string(4090 - path.size() - 1, 'n');
    EXPECT_EQ(type(plain({TarBuilder().file(path, "x")}), '/' + path), 'f');
    EXPECT_NE(refusal({TarBuilder().file(path, "x")}, ostree::Layout::bootable).find("a path of 4"),
              std::string::npos);
}

TEST_F(BootableLayoutTest, LinksInVarToThePlacesGiveWay) {
    Listing tree = bootable({TarBuilder()
                                 .file("home/u/f", "h")
                                 .symlink("var/home", "/home")
                                 .symlink("var/opt", "../opt")
                                 .directory("opt")
                                 .symlink("var/srv", "../srv")});
    const std::string factory = "/usr/share/factory/var";
    EXPECT_EQ(content(tree, factory + "/home/u/f"), "h");
    EXPECT_EQ(type(tree, factory + "/opt"), 'd');
    EXPECT_EQ(type(tree, factory + "/srv"), 'd');  // it led to /srv, which was not there
    EXPECT_EQ(content(tree, "/home"), "var/home");
    tree = bootable({TarBuilder().symlink("home/u", "../var/home/u").file("var/home/u/f", "h")});
    EXPECT_EQ(content(tree, factory + "/home/u/f"), "h");
    refusal({TarBuilder().file("home/u/f", "h").file("var/home", "a file")}, ostree::Layout::bootable);
}

TEST_F(BootableLayoutTest, HalfMergedUsr) {
    const Listing tree = bootable({TarBuilder()
                                       .file("sbin/ip", "ip")
                                       .file("usr/bin/x", "x")
                                       .symlink("usr/sbin", "bin")
                                       .file("lib64/ld", "ld")
                                       .symlink("usr/lib64", "lib")
                                       .file("usr/lib/y", "y")
                                       .symlink("lib/z", "../etc/z")
                                       .file("etc/z", "z")});
    EXPECT_EQ(content(tree, "/usr/bin/ip"), "ip");
    EXPECT_EQ(content(tree, "/usr/lib/ld"), "ld");
    EXPECT_EQ(content(tree, "/usr/sbin"), "bin");
    EXPECT_EQ(content(tree, "/sbin"), "usr/sbin");
    EXPECT_EQ(content(tree, "/usr/lib/z"), "../../etc/z");
}

TEST_F(BootableLayoutTest, LinksThroughWhatMovesAndUpAgain) {
    const Listing tree = bootable({TarBuilder()
                                       .directory("root")
                                       .directory("home")
                                       .file("etc/passwd", "p")
                                       .symlink("usr/bin/x", "../../root/../etc/passwd")
                                       .symlink("usr/share/y", "/home/../etc/passwd")
                                       .symlink("usr/bin/z", "../lib/../share")});
    EXPECT_EQ(content(tree, "/usr/bin/x"), "../../etc/passwd");
    EXPECT_EQ(content(tree, "/usr/share/y"), "../../etc/passwd");
    EXPECT_EQ(content(tree, "/usr/bin/z"), "../lib/../share");
}

TEST_F(BootableLayoutTest, TreesThatOstreeWouldNotDeployAreRefused) {
    refusal({TarBuilder().symlink("etc", "usr/config").file("usr/config/x", "x")}, ostree::Layout::bootable);
    refusal({TarBuilder().symlink("var", "mnt/var").file("a", "a")}, ostree::Layout::bootable);
    refusal({TarBuilder().file("usr", "a file")}, ostree::Layout::bootable);
}

TEST_F(BootableLayoutTest, LinkedKernels) {
    const std::string modules = "/usr/lib/modules/6.1";
    Listing tree = bootable({TarBuilder()
                                 .file("boot/vmlinuz-6.1", "k")
                                 .file("boot/initramfs-6.1.img", "i")
                                 .symlink("lib/modules/6.1/vmlinuz", "/boot/vmlinuz-6.1")
                                 .symlink("boot/vmlinuz", "vmlinuz-6.1")});
    EXPECT_EQ(content(tree, modules + "/vmlinuz"), "k");
    EXPECT_EQ(type(tree, modules + "/vmlinuz"), 'f');
    EXPECT_EQ(content(tree, modules + "/initramfs.img"), "i");
    tree = bootable({TarBuilder()
                         .symlink("boot/vmlinuz-6.1", "../lib/modules/6.1/vmlinuz")
                         .file("boot/real.img", "i")
                         .symlink("boot/initramfs-6.1.img", "real.img")
                         .file("lib/modules/6.1/vmlinuz", "k")
                         .file("boot/vmlinuz-0-rescue-abc", "r")});
    EXPECT_EQ(content(tree, modules + "/vmlinuz"), "k");
    EXPECT_EQ(content(tree, modules + "/initramfs.img"), "i");
    bootable({TarBuilder().symlink("lib/modules/6.1/vmlinuz", "/nowhere").file("lib/modules/6.1/m", "m")});
    EXPECT_EQ(result_->kernel, "");
    EXPECT_TRUE(warned("no kernel"));
}

TEST_F(BootableLayoutTest, NothingGoesWithoutANote) {
    bootable({TarBuilder()
                  .file("boot", "a file")
                  .symlink("tmp", "var/tmp")
                  .file("ostree", "x")
                  .directory("lib/x", 0700)
                  .directory("usr/lib/x", 0755)
                  .symlink("sbin/init", "init")});
    EXPECT_TRUE(noted("/boot: the file replaced"));
    EXPECT_TRUE(noted("/tmp: the link to var/tmp replaced"));
    EXPECT_TRUE(noted("/ostree"));
    EXPECT_TRUE(noted("/lib/x: merged into /usr/lib/x"));
    EXPECT_TRUE(warned("no init"));
}

TEST_F(BootableLayoutTest, OptAndUsrLocalWithFilesStay) {
    const Listing tree = bootable({TarBuilder().file("opt/app/bin", "a").file("usr/local/bin/tool", "t")});
    EXPECT_EQ(content(tree, "/opt/app/bin"), "a");
    EXPECT_EQ(content(tree, "/usr/local/bin/tool"), "t");
    EXPECT_TRUE(noted("/opt: 1 file and 1 directory stay"));
}

TEST_F(BootableLayoutTest, APrivateRootDirectoryIsSaid) {
    for (const std::uint64_t mode : {0700U, 0750U, 0755U}) {
        warnings_.clear();
        const Listing tree = bootable({TarBuilder().add({.name = "./", .type = '5', .mode = mode})});
        EXPECT_EQ(tree.at("/").mode, mode);
        EXPECT_EQ(warned("the root directory has the mode"), mode != 0755U) << mode;
    }
}

// Modules of one kernel, the kernel or its initramfs elsewhere, and what others have left behind.
TEST_F(BootableLayoutTest, KernelsAsDistributionsHaveThem) {
    const std::string arch = "/usr/lib/modules/6.9.7-arch1-1";
    const TarBuilder arch_linux = TarBuilder()
                                      .file("boot/vmlinuz-linux", "k")
                                      .file("boot/initramfs-linux.img", "i")
                                      .file("boot/initramfs-linux-fallback.img", "f")
                                      .file("boot/amd-ucode.img", "u")
                                      .file("usr/lib/modules/6.9.7-arch1-1/vmlinuz", "k")
                                      .file("usr/lib/modules/6.9.7-arch1-1/modules.dep", "");
    TarBuilder with_dkms = arch_linux;
    with_dkms.file("usr/lib/modules/6.9.6-arch1-1/updates/dkms/x.ko", "x");
    for (const TarBuilder& layer : {arch_linux, with_dkms}) {
        const Listing tree = bootable({layer});
        EXPECT_EQ(result_->kernel, "6.9.7-arch1-1");
        EXPECT_EQ(content(tree, arch + "/initramfs.img"), "i");
    }
    // Of two directories that fit the name, one holds no more than a remainder.
    Listing tree = bootable({TarBuilder()
                                 .file("boot/vmlinuz-lts", "k")
                                 .file("boot/initramfs-lts", "i")
                                 .file("lib/modules/6.6.2-0-lts/kernel/fs.ko", "m")
                                 .file("lib/modules/6.6.1-0-lts/extra/x.ko", "x")});
    EXPECT_EQ(result_->kernel, "6.6.2-0-lts");
    EXPECT_EQ(content(tree, "/usr/lib/modules/6.6.2-0-lts/initramfs.img"), "i");
    EXPECT_EQ(content(tree, "/usr/lib/modules/6.6.1-0-lts/extra/x.ko"), "x");
}

TEST_F(BootableLayoutTest, AnInitramfsInBootOfAKernelInUsr) {
    for (const char* name : {"initramfs-6.1-0-lts.img", "initrd.img-6.1-0-lts", "initramfs-lts",
                             "initramfs.img", "initrd-linux.img"}) {
        const Listing tree = bootable({TarBuilder()
                                           .file("lib/modules/6.1-0-lts/vmlinuz", "k")
                                           .file("lib/modules/6.0-0-lts/extra/x.ko", "x")
                                           .file(std::string("boot/") + name, "i")
                                           .file("boot/initramfs-lts-fallback.img", "f")});
        EXPECT_EQ(content(tree, "/usr/lib/modules/6.1-0-lts/initramfs.img"), "i") << name;
        EXPECT_FALSE(warned("no initramfs"));
    }
    // One of several, and none of this kernel.
    bootable({TarBuilder()
                  .file("lib/modules/6.1-0-lts/vmlinuz", "k")
                  .file("boot/initramfs-a", "a")
                  .file("boot/initramfs-b", "b")});
    EXPECT_TRUE(warned("no initramfs"));
    // Its own stays.
    const Listing tree = bootable({TarBuilder()
                                       .file("lib/modules/6.1-0-lts/vmlinuz", "k")
                                       .file("lib/modules/6.1-0-lts/initramfs.img", "own")
                                       .file("boot/initramfs-6.1-0-lts.img", "other")});
    EXPECT_EQ(content(tree, "/usr/lib/modules/6.1-0-lts/initramfs.img"), "own");
}

TEST_F(BootableLayoutTest, LinksOnTheWayToThePlacesOfFiles) {
    // Nothing of it may end in /var, which is empty in the commit, or where the system hides it.
    for (const char* target :
         {"../var/share", "/var/share", "../home/share", "/run/share", "../boot/share", "/etc/x"}) {
        EXPECT_NE(refusal({TarBuilder()
                               .symlink("usr/share", target)
                               .directory("home/share")
                               .directory("var/share")
                               .file("var/lib/x", "x")},
                          ostree::Layout::bootable)
                      .find("not part of the image"),
                  std::string::npos)
            << target;
    }
    refusal({TarBuilder().symlink("usr/share/factory", "../../var/f").file("var/lib/x", "x")},
            ostree::Layout::bootable);
    const Listing tree = bootable(
        {TarBuilder().symlink("usr/share", "lib/share").file("usr/lib/share/s", "s").file("var/x", "x")});
    EXPECT_EQ(content(tree, "/usr/lib/share/factory/var/x"), "x");
    refusal({TarBuilder().symlink("usr", "home").directory("home/local")}, ostree::Layout::bootable);
    refusal({TarBuilder().symlink("usr/etc", "share/etc").file("usr/share/etc/x", "x").file("etc/y", "y")},
            ostree::Layout::bootable);
    EXPECT_NE(refusal({TarBuilder().file("var/mnt", "a file")}, ostree::Layout::bootable).find("'/var/mnt'"),
              std::string::npos);
}

// The same text is not the same link in another directory.
TEST_F(BootableLayoutTest, LinksOfOneTextThatLeadToTwoPlaces) {
    refusal({TarBuilder()
                 .symlink("lib/x", "../a")
                 .symlink("usr/lib/x", "../a")
                 .file("a", "1")
                 .file("usr/a", "2")},
            ostree::Layout::bootable);
    const Listing tree =
        bootable({TarBuilder().symlink("lib/x", "y").symlink("usr/lib/x", "y").file("usr/lib/y", "1")});
    EXPECT_EQ(content(tree, "/usr/lib/x"), "y");
}

// Of a chain of links between two directories that become one none leads to itself.
TEST_F(BootableLayoutTest, ChainsOfLinksBetweenTheHalves) {
    const Listing tree = bootable({TarBuilder()
                                       .file("a", "1")
                                       .symlink("lib/x", "../a")
                                       .symlink("usr/lib/x", "y")
                                       .symlink("usr/lib/y", "../../lib/x")});
    EXPECT_EQ(content(tree, "/usr/lib/x"), "../../a");
    EXPECT_EQ(content(tree, "/usr/lib/y"), "../../lib/x");
}

TEST_F(BootableLayoutTest, LinksThatMoveAndGoUpFromWhatMoves) {
    const Listing tree = bootable({TarBuilder()
                                       .file("etc/passwd", "p")
                                       .directory("root")
                                       .symlink("home/u/x", "/root/../etc/passwd")
                                       .symlink("lib/y", "/root/../etc/passwd")});
    EXPECT_EQ(content(tree, "/usr/share/factory/var/home/u/x"), "../../../etc/passwd");
    EXPECT_EQ(content(tree, "/usr/lib/y"), "../../etc/passwd");
}

TEST_F(BootableLayoutTest, RuntimeDirectoriesAreEmptied) {
    const Listing tree = bootable({TarBuilder()
                                       .file("run/secrets/x", "s")
                                       .file("tmp/junk", "j")
                                       .file("dev/fake", "d")
                                       .file("proc/1", "p")
                                       .file("sys/a", "a")
                                       .file(".dockerenv", "")
                                       .file("sysroot/ostree/repo/config", "c")
                                       .file("ostree/deploy/x", "y")});
    for (const char* path : {"/run/secrets", "/tmp/junk", "/dev/fake", "/proc/1", "/sys/a", "/.dockerenv",
                             "/sysroot/ostree", "/ostree/deploy"}) {
        EXPECT_EQ(type(tree, path), '-') << path;
    }
    EXPECT_TRUE(noted("/run"));
    EXPECT_TRUE(noted("/ostree"));
    EXPECT_EQ(content(tree, "/ostree"), "sysroot/ostree");
}

TEST_F(BootableLayoutTest, ImportingTwiceGivesTheSameTree) {
    // The result of one import is a fixed point of the layout: nothing is left to move.
    const TarBuilder layer = TarBuilder()
                                 .file("bin/busybox", "bb")
                                 .file("etc/passwd", "p")
                                 .file("boot/vmlinuz-virt", "k")
                                 .file("lib/modules/6-virt/m", "m")
                                 .file("root/x", "x")
                                 .file("var/lib/y", "y");
    const Listing first = bootable({layer});
    TarBuilder again;
    for (const auto& [path, listed] : first) {
        if (path == "/") continue;
        TarMember member{.name = path.substr(1), .mode = listed.mode};
        if (listed.type == 'd') member.type = '5';
        if (listed.type == 'l') member.type = '2';
        (listed.type == 'l' ? member.link_name : member.content) = listed.content;
        again.add(member);
    }
    EXPECT_EQ(bootable({again}), first);
}

}  // namespace
}  // namespace osb::test
