/* ec_board.h - what a board's board.c supplies. */
#ifndef EC_BOARD_H
#define EC_BOARD_H

/* Called at reset before .data and .bss are set up: clocks, coprocessor access, caches. Must not use static variables. */
void ec_board_init(void);

#endif
