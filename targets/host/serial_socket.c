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

static int line = -1;
static uint8_t received[4096];
static ssize_t received_bytes;
static ssize_t taken_bytes;
static uint8_t waiting[4096]; /* to be sent in one piece */
static size_t waiting_bytes;

static void give_up(const char *what) {
    perror(what);
    exit(1);
}

void ec_board_serial_init(void) {
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

static void send_waiting(void) {
    for (size_t sent = 0; sent < waiting_bytes;) {
        const ssize_t count = send(line, waiting + sent, waiting_bytes - sent, MSG_NOSIGNAL);
        if (count <= 0) {
            exit(0); /* the host has gone */
        }
        sent += (size_t)count;
    }
    waiting_bytes = 0;
}

void ec_board_serial_put(uint8_t byte) {
    if (waiting_bytes == sizeof waiting) {
        send_waiting();
    }
    waiting[waiting_bytes++] = byte;
}

/* Waits a moment where nothing has come, to leave the core to others. */
int ec_board_serial_get(void) {
    if (taken_bytes == received_bytes) {
        struct pollfd readable = {.fd = line, .events = POLLIN};
        send_waiting();
        if (poll(&readable, 1, 10) <= 0) {
            return -1;
        }
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

void ec_port_restart(void) { exit(0); }
