/* serial_socket.c - a serial line over TCP, for tests of the protocol at the speed of this computer: the program is a board that listens
 * on a port of 127.0.0.1, which it says on stdout, and serves one connection. */
#define _POSIX_C_SOURCE 200112L
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ec_board.h"
#include "ec_counter.h"
#include "ec_port.h"

#define IDLE_MS 10
#define KEPT_LINE "EC_SERIAL_LINE" /* in the environment: the open line, after a restart */

static int line = -1;
static int idle;
static uint8_t received[4096];
static ssize_t received_bytes;
static ssize_t taken_bytes;

static void give_up(const char *what) {
    perror(what);
    exit(1);
}

static void wait_for_host(void);

void ec_board_serial_init(void) {
    const char *kept = getenv(KEPT_LINE);
    if (kept != NULL) {
        line = atoi(kept);
    } else {
        wait_for_host();
    }
}

static void wait_for_host(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    const int one = 1;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0) {
        give_up("serial line");
    }
    (void)printf("port %d\n", ntohs(address.sin_port));
    (void)fflush(stdout);
    line = accept(listener, NULL, NULL);
    if (line < 0) {
        give_up("serial line");
    }
    (void)close(listener);
    (void)setsockopt(line, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

void ec_board_serial_put(uint8_t byte) {
    if (send(line, &byte, 1, MSG_NOSIGNAL) != 1) {
        exit(0); /* the host has gone */
    }
}

/* Waits a moment where nothing has come twice, to leave the core to others. */
int ec_board_serial_get(void) {
    if (taken_bytes == received_bytes) {
        struct pollfd readable = {.fd = line, .events = POLLIN};
        if (poll(&readable, 1, idle ? IDLE_MS : 0) <= 0) {
            idle = 1;
            return -1;
        }
        idle = 0;
        taken_bytes = 0;
        received_bytes = recv(line, received, sizeof received, 0);
        if (received_bytes <= 0) {
            exit(0);
        }
    }
    return received[taken_bytes++];
}

void ec_counter_init(void) {}

uint32_t ec_counter_read(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
}

/* The program begins anew and keeps its line. */
void ec_port_restart(void) {
    char number[12];
    char *const arguments[] = {"board", NULL};
    (void)snprintf(number, sizeof number, "%d", line);
    (void)setenv(KEPT_LINE, number, 1);
    (void)execv("/proc/self/exe", arguments);
    give_up("restart");
}
