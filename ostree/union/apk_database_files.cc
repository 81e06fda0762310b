#include "ostree/union/apk_database_files.hh"

#include <sys/stat.h>

#include <array>
#include <string_view>

#include "base/error.hh"
#include "base/escape.hh"
#include "ostree/objects/object_reader.hh"

namespace osb::ostree {
namespace {

constexpr std::array<std::string_view, 2> kDatabasePlaces{"lib/apk/db", "usr/lib/apk/db"};
constexpr std::string_view kWorldPath = "etc/apk/world";

// Reads a regular file of the tree; nullopt if there is none.
std::optional<std::string> read_file_at(const Repository& repository, Node& root, const std::string& path,
                                        std::size_t limit, ImageBudget& budget) {
    const Resolved found = look_up(root, path, LastLink::follow, budget);
    if (found.node == nullptr || !found.node->is_file()) return std::nullopt;
    return with_context([&path] { return quoted(path); },
                        [&] {
                            const ContentObject object = open_object(repository, found.node->checksum);
                            return read_all(*object.content, limit, "the database");
                        });
}

void write_file_at(const Repository& repository, ObjectWriter& writer, Node& root, const std::string& path,
                   std::string_view content, ImageBudget& budget) {
    constexpr std::uint32_t kDefaultMode = S_IFREG | 0644U;
    const std::size_t slash = path.rfind('/');
    Node& directory = make_directories(root, path.substr(0, slash), budget);
    const std::string name = path.substr(slash + 1);
    const Node* const old = directory.child(name);
    ContentObject meta;
    meta.mode = kDefaultMode;
    if (old != nullptr && old->is_file()) meta = read_object_header(repository, old->checksum);
    directory.set_child(name,
                        Node::file(writer.write_file(
                            {.uid = meta.uid, .gid = meta.gid, .mode = meta.mode, .xattrs = meta.xattrs}, {},
                            as_bytes(content))));
}

}  // namespace

ApkDatabase read_apk_database(const Repository& repository, Node& root, ImageBudget& budget) {
    ApkDatabase out;
    const auto note_place = [&](const std::string& path) {
        const Resolved found = look_up(root, path, LastLink::keep, budget);
        if (found.node != nullptr && !found.node->is_directory()) out.files.insert(found.canonical);
    };
    for (const std::string_view place : kDatabasePlaces) {
        const std::string directory(place);
        const auto installed =
            read_file_at(repository, root, directory + "/installed", kMaxInstalled, budget);
        if (!installed) continue;
        out.directory = directory;
        out.packages = with_context([&] { return quoted(directory + "/installed"); },
                                    [&] { return parse_installed(*installed); });
        if (const auto text = read_file_at(repository, root, directory + "/triggers", kMaxTriggers, budget))
            add_triggers(out.packages, *text);
        for (const char* const name : {"/scripts.tar", "/scripts.tar.gz"}) {
            const auto archive = read_file_at(repository, root, directory + name, kMaxScripts, budget);
            if (!archive) continue;
            with_context([&] { return quoted(directory + name); },
                         [&] { add_scripts(out.packages, *archive); });
            break;
        }
        for (const char* const name : {"/installed", "/triggers", "/scripts.tar", "/scripts.tar.gz", "/lock"})
            note_place(directory + name);
        break;
    }
    out.world = read_file_at(repository, root, std::string(kWorldPath), kMaxWorld, budget);
    if (out.world) note_place(std::string(kWorldPath));
    return out;
}

void write_apk_database(const Repository& repository, ObjectWriter& writer, Node& root,
                        const ApkDatabase& database, ImageBudget& budget) {
    const auto write = [&](const std::string& path, std::string_view content) {
        write_file_at(repository, writer, root, path, content, budget);
    };
    if (database.world) write(std::string(kWorldPath), *database.world);
    if (database.directory.empty()) return;
    write(database.directory + "/installed", installed_text(database.packages));
    write(database.directory + "/triggers", triggers_text(database.packages));
    write(database.directory + "/scripts.tar", scripts_archive(database.packages));
    make_directories(root, database.directory, budget).remove_child("scripts.tar.gz");
}

}  // namespace osb::ostree
