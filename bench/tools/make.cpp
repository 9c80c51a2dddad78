// Makes, rewrites or removes the files of a tree at full speed, several threads side by side.
//
//   make ROOT ACTION FIRST COUNT PER_DIRECTORY MIN_BYTES MAX_BYTES STEP OFFSET SALT THREADS
//
// File number i lies in directory number i / PER_DIRECTORY, which is ROOT/dNNN/NN. Of the numbers from FIRST
// on those are taken whose remainder by STEP is OFFSET. ACTION: `write`, `remove`, or `directories`, which
// makes no files. Content depends on the number and on SALT alone. Prints the ms that it took.

#include <atomic>
#include <cerrno>
#include <thread>
#include <vector>

#include "tree.hpp"

namespace {

struct Job {
  std::string root, action;
  std::uint64_t first, count, perDirectory, minBytes, maxBytes, step, offset, salt;
};

std::string noise(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i + 8 <= size; i += 8) {
    const std::uint64_t word = bench::mix(i);
    for (int shift = 0; shift < 64; shift += 8) bytes[i + shift / 8] = static_cast<char>(word >> shift);
  }
  return bytes;
}

class Maker {
 public:
  explicit Maker(const Job& job) : job_(job), noise_(noise(job.maxBytes + (1 << 16))) {
    next_ = job.first / job.perDirectory;
  }

  void work() {
    const std::uint64_t end = job_.first + job_.count;
    for (;;) {
      const std::uint64_t directory = next_++;
      const std::uint64_t from = std::max(job_.first, directory * job_.perDirectory);
      const std::uint64_t until = std::min(end, (directory + 1) * job_.perDirectory);
      if (directory * job_.perDirectory >= end) return;
      const int fd = open(directory);
      if (job_.action != "directories") {
        for (std::uint64_t i = from; i < until; ++i) {
          if (i % job_.step == job_.offset) one(fd, i);
        }
      }
      ::close(fd);
    }
  }

 private:
  int open(std::uint64_t directory) const {
    char name[64];
    std::snprintf(name, sizeof name, "/d%03u", static_cast<unsigned>(directory / 100));
    std::string path = job_.root + name;
    make(path);
    std::snprintf(name, sizeof name, "/%02u", static_cast<unsigned>(directory % 100));
    path += name;
    make(path);
    const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY);
    if (fd < 0) bench::fail(path);
    return fd;
  }

  static void make(const std::string& path) {
    if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) bench::fail(path);
  }

  void one(int directory, std::uint64_t number) const {
    char name[32];
    std::snprintf(name, sizeof name, "img%08llu.jpg", static_cast<unsigned long long>(number));
    if (job_.action == "remove") {
      if (::unlinkat(directory, name, 0) != 0) bench::fail(name);
      return;
    }
    const int fd = ::openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0) bench::fail(name);
    const std::uint64_t random = bench::mix(number * 1000003 + job_.salt);
    const std::uint64_t size = job_.minBytes + random % (job_.maxBytes - job_.minBytes + 1);
    if (size > 0 && ::write(fd, noise_.data() + random % (1 << 16), size) != static_cast<ssize_t>(size))
      bench::fail(name);
    ::close(fd);
  }

  const Job& job_;
  const std::string noise_;
  std::atomic<std::uint64_t> next_{0};
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 12) return 2;
  const auto number = [&](int i) { return std::strtoull(argv[i], nullptr, 10); };
  const Job job{argv[1],   argv[2],   number(3), number(4), number(5),
                number(6), number(7), number(8), number(9), number(10)};
  Maker maker(job);
  const double startedAt = bench::epochMs();
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < number(11); ++i) threads.emplace_back([&] { maker.work(); });
  for (std::thread& thread : threads) thread.join();
  std::printf("%.3f\n", bench::epochMs() - startedAt);
}
