//! Reserved capacity of load balancers.

use crate::{
    World,
    refusal::{CallResult, bad_value, ensure},
};
use aws_load_balancer_controller::aws_api::elbv2::{
    CapacityReservation, DescribeCapacityReservation, ModifyCapacityReservation,
};

impl World {
    pub(crate) fn describe_capacity_reservation(
        &self,
        request: &DescribeCapacityReservation,
    ) -> CallResult<CapacityReservation> {
        Ok(CapacityReservation { capacity_units: self.elb.load_balancer(&request.arn)?.capacity })
    }

    pub(crate) fn modify_capacity_reservation(
        &mut self,
        request: &ModifyCapacityReservation,
    ) -> CallResult<()> {
        let lb = self.elb.load_balancer_mut(&request.arn)?;
        ensure(request.capacity_units.is_none_or(|units| units > 0), || {
            bad_value("The minimum load balancer capacity must be greater than '0'")
        })?;
        lb.capacity = request.capacity_units;
        Ok(())
    }
}
